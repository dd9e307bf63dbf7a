// Brings tensors into another layout, for architectures whose folders keep them differently from GGUF. Tensors that are
// missing or of another shape are left alone: the graph names them. Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "model/weights.h"

namespace bp {

// [a, b] → [b, a]. Errors: kUnsupported for other types than f32, f16 and bf16.
Status transpose_matrix(Weights& weights, std::string_view name);

// The tensor, [n_parts * part, ..], is made of `order`'s size parts of so many rows; part i becomes what part order[i]
// was. Errors: kUnsupported for scales that several rows share. REQUIRES: every entry is in [0, order.size()).
Status reorder_rows(Weights& weights, std::string_view name, std::span<const int64_t> order, int64_t part);

}  // namespace bp
