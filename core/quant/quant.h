// Weight formats to and from float32, one row at a time; bit for bit what the `gguf` Python package computes.
// Thread-safe: pure functions. The bytes need no alignment.
// Formats: f32 f16 bf16, fp8_e4m3 fp8_e5m2 e8m0, q4_0 q4_1 q5_0 q5_1 q8_0, q2_k q3_k q4_k q5_k q6_k, iq4_nl iq4_xs,
// mxfp4; each block format is described, layout and formula, at the head of its own file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "base/result.h"

namespace bp {

// Whether decode_row knows the format, and encode_row.
bool can_decode(DType dtype);
bool can_encode(DType dtype);

// src: row_bytes(dtype, n) bytes. dst [n].
// REQUIRES: can_decode(dtype); n is a multiple of the format's block_elements.
void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n);

// src [n]. dst: row_bytes(dtype, n) bytes. Errors: kUnsupported unless can_encode(dtype); kFailed where n does not fill
// whole blocks, or a value is NaN or infinite and the format is one of blocks. dst is then undefined.
Status encode_row(DType dtype, const float* src, std::byte* dst, int64_t n);

}  // namespace bp
