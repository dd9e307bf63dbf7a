// What AWQ and GPTQ have in common: int32 words, groups, and scales that lie the other way round.
// Internal to the module. Thread-safe: pure functions.
#pragma once

#include <array>

#include "quant/formats.h"
#include "quant/packed_int.h"

namespace bp::quant {

inline constexpr std::array kIntWord = {DType::kI32};
inline constexpr std::array kScaleTypes = {DType::kF16, DType::kBF16, DType::kF32};

// Resolves -1, and refuses what does not divide k.
Result<int64_t> resolve_group_size(int64_t group_size, int64_t k, const std::string& where);

// dst [columns, rows] = src [rows, columns] transposed, in tiles. REQUIRES: element_bytes is 2 or 4.
void transpose_bytes(const std::byte* src, std::byte* dst, int64_t rows, int64_t columns, size_t element_bytes);

inline uint32_t word_at(const TensorBytes& tensor, int64_t i) { return load_u32(tensor.bytes.data() + 4 * i); }

}  // namespace bp::quant
