// How far from the reference a correct kernel may be, in the terms of dtypes: docs/conform.md has the table and why.
// Plain values and pure functions.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace bp::conformance {

// The distance from 1 to the next value. REQUIRES: f32, f16 or bf16.
double epsilon(DType dtype);

// A result may differ by absolute + relative * |reference| + spread * the largest magnitude of the reference.
struct Tolerance {
  double absolute = 8 * 0x1p-23;
  double relative = 64 * 0x1p-23;
  double spread = 0;
};

// Equal numbers.
Tolerance exact();
// `n` units in the last place of `result`, and of 1 where results are smaller.
Tolerance ulps(double n, DType result = DType::kF32);

// The relative error that a kernel may bring into one product by how it takes the other operand of a weight: as f32
// beside f32, in a 16-bit type beside 16- and 8-bit floats, as 8-bit integers beside blocks and integers.
double product_error(DType weight);
// A sum of `k` products with `weight`, each of the size `typical` (a standard deviation).
Tolerance dot(DType weight, int64_t k, double typical);
// The same where two such sums are multiplied.
Tolerance gated_dot(DType weight, int64_t k, double typical);
// A softmax of scores near 1 over keys of `kv`, whose values are near 1.
Tolerance attended(DType kv);

}  // namespace bp::conformance
