// Element types, block formats of GGUF included. The numbers are those of plugin.h (BP_DT_*): append-only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bp {

enum class DType : uint16_t {
  kInvalid = 0,
  kF32 = 1,
  kF16 = 2,
  kBF16 = 3,
  kF64 = 4,
  kI8 = 5,
  kU8 = 6,
  kI16 = 7,
  kI32 = 8,
  kI64 = 9,
  kBool = 10,     // one byte, 0 or 1
  kFp8E4M3 = 11,  // OCP FP8, no infinities ("fn")
  kFp8E5M2 = 12,
  kE8M0 = 13,     // a power of two, the scale of MX formats
  kI4 = 14,       // two a byte, the lower nibble first
  kU4 = 15,       // two a byte, the lower nibble first
  kFp4E2M1 = 16,  // two a byte, the lower nibble first
  // GGUF block formats
  kQ4_0 = 32,
  kQ4_1 = 33,
  kQ5_0 = 34,
  kQ5_1 = 35,
  kQ8_0 = 36,
  kQ2_K = 40,
  kQ3_K = 41,
  kQ4_K = 42,
  kQ5_K = 43,
  kQ6_K = 44,
  kIQ4_NL = 48,
  kIQ4_XS = 49,
  kMXFP4 = 50,
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;    // "f32", "q4_0": as printed, and as written in guards
  uint32_t block_elements;  // elements in one block; 1 for plain types, 2 for 4-bit ones
  uint32_t block_bytes;
};

// REQUIRES: dtype is one of the list.
const DTypeInfo& dtype_info(DType dtype);
// A number from outside (an attribute, a file): nullopt where it names no dtype.
std::optional<DType> dtype_of_number(int64_t number);
std::optional<DType> parse_dtype(std::string_view name);
std::string_view dtype_name(DType dtype);
// Blocks of more than one element: rows have no stride of single elements.
bool is_block(DType dtype);
bool is_float(DType dtype);
bool is_integer(DType dtype);

// Bytes of `n_elements` in a row, or nullopt where they do not fill whole blocks or the product overflows.
std::optional<uint64_t> row_bytes(DType dtype, uint64_t n_elements);

}  // namespace bp
