// Weight formats to and from float32, one row at a time; bit for bit what the `gguf` Python package computes.
// Thread-safe: pure functions. The bytes need no alignment.
// Formats: f32 f16 bf16 q8_0 q4_0 q4_1; each block format is described, layout and formula, at the head of its own
// file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "base/result.h"

namespace bp {

// Whether decode_row and encode_row know the format.
bool can_decode(DType dtype);

// src: row_bytes(dtype, n) bytes. dst [n].
// REQUIRES: can_decode(dtype); n is a multiple of the format's block_elements.
void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n);

// src [n]. dst: row_bytes(dtype, n) bytes. Errors: kUnsupported for a format not listed above; kFailed where n does not
// fill whole blocks, or a value is NaN or infinite and the format is one of blocks. dst is then undefined.
Status encode_row(DType dtype, const float* src, std::byte* dst, int64_t n);

}  // namespace bp
