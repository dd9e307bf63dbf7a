// Weight formats to and from float32, one row at a time; bit for bit what the `gguf` Python package computes.
// Thread-safe: pure functions. The bytes need no alignment.
// Formats: f32 f16 bf16, fp8_e4m3 fp8_e5m2 e8m0, q4_0 q4_1 q5_0 q5_1 q8_0, q2_k q3_k q4_k q5_k q6_k, iq4_nl iq4_xs,
// mxfp4; each block format is described, layout and formula, at the head of its own file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/dtype.h"
#include "base/result.h"

namespace bp {

// Whether decode_row knows the format, and encode_row.
bool can_decode(DType dtype);
bool can_encode(DType dtype);

// src: row_bytes(dtype, n) bytes. dst [n].
// REQUIRES: can_decode(dtype); n is a multiple of the format's block_elements.
void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n);

// src [n]. dst: row_bytes(dtype, n) bytes. importance [n], or empty: the weight of each element's squared error where
// the format leaves a choice (all block formats but q8_0 and mxfp4). Without it q4_0 to q5_1, q8_0 and mxfp4 are what
// the `gguf` package writes, and the K formats minimise the plain squared error. Errors: kUnsupported unless
// can_encode(dtype); kFailed where n does not fill whole blocks, where a value is NaN or infinite and the format is one
// of blocks, or where importance has another size or is negative or not finite. dst is then undefined.
Status encode_row(DType dtype, const float* src, std::byte* dst, int64_t n, std::span<const float> importance = {});

}  // namespace bp
