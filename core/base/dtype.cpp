#include "base/dtype.h"

#include <array>

#include "base/check.h"

namespace bp {
namespace {

constexpr std::array kInfos = {
    DTypeInfo{DType::kF32, "f32", 1, 4},
    DTypeInfo{DType::kF16, "f16", 1, 2},
    DTypeInfo{DType::kBF16, "bf16", 1, 2},
    DTypeInfo{DType::kF64, "f64", 1, 8},
    DTypeInfo{DType::kI8, "i8", 1, 1},
    DTypeInfo{DType::kU8, "u8", 1, 1},
    DTypeInfo{DType::kI16, "i16", 1, 2},
    DTypeInfo{DType::kI32, "i32", 1, 4},
    DTypeInfo{DType::kI64, "i64", 1, 8},
    DTypeInfo{DType::kBool, "bool", 1, 1},
    DTypeInfo{DType::kFp8E4M3, "fp8_e4m3", 1, 1},
    DTypeInfo{DType::kFp8E5M2, "fp8_e5m2", 1, 1},
    DTypeInfo{DType::kE8M0, "e8m0", 1, 1},
    DTypeInfo{DType::kI4, "i4", 2, 1},
    DTypeInfo{DType::kU4, "u4", 2, 1},
    DTypeInfo{DType::kFp4E2M1, "fp4_e2m1", 2, 1},
    DTypeInfo{DType::kQ4_0, "q4_0", 32, 18},
    DTypeInfo{DType::kQ4_1, "q4_1", 32, 20},
    DTypeInfo{DType::kQ5_0, "q5_0", 32, 22},
    DTypeInfo{DType::kQ5_1, "q5_1", 32, 24},
    DTypeInfo{DType::kQ8_0, "q8_0", 32, 34},
    DTypeInfo{DType::kQ2_K, "q2_k", 256, 84},
    DTypeInfo{DType::kQ3_K, "q3_k", 256, 110},
    DTypeInfo{DType::kQ4_K, "q4_k", 256, 144},
    DTypeInfo{DType::kQ5_K, "q5_k", 256, 176},
    DTypeInfo{DType::kQ6_K, "q6_k", 256, 210},
    DTypeInfo{DType::kIQ4_NL, "iq4_nl", 32, 18},
    DTypeInfo{DType::kIQ4_XS, "iq4_xs", 256, 136},
    DTypeInfo{DType::kMXFP4, "mxfp4", 32, 17},
};

}  // namespace

const DTypeInfo& dtype_info(DType dtype) {
  for (const DTypeInfo& info : kInfos) {
    if (info.dtype == dtype) return info;
  }
  BP_CHECK(false, "dtype {}", static_cast<int>(dtype));
}

std::optional<DType> dtype_of_number(int64_t number) {
  for (const DTypeInfo& info : kInfos) {
    if (static_cast<int64_t>(info.dtype) == number) return info.dtype;
  }
  return std::nullopt;
}

std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeInfo& info : kInfos) {
    if (info.name == name) return info.dtype;
  }
  return std::nullopt;
}

std::string_view dtype_name(DType dtype) { return dtype == DType::kInvalid ? "invalid" : dtype_info(dtype).name; }

bool is_block(DType dtype) { return dtype_info(dtype).block_elements > 1; }

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF64;
}

bool is_integer(DType dtype) { return dtype >= DType::kI8 && dtype <= DType::kI64; }

std::optional<uint64_t> row_bytes(DType dtype, uint64_t n_elements) {
  const DTypeInfo& info = dtype_info(dtype);
  if (n_elements % info.block_elements != 0) return std::nullopt;
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(n_elements / info.block_elements, uint64_t{info.block_bytes}, &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace bp
