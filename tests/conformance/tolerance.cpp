#include "tolerance.h"

#include <cmath>

#include "base/check.h"

namespace bp::conformance {

double epsilon(DType dtype) {
  BP_CHECK(dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16, "{}", dtype_name(dtype));
  return dtype == DType::kF32 ? 0x1p-23 : dtype == DType::kF16 ? 0x1p-10 : 0x1p-7;
}

Tolerance exact() { return {0, 0, 0}; }

Tolerance ulps(double n, DType result) { return {n * 0x1p-23, n * epsilon(result), 0}; }

double product_error(DType weight) {
  switch (weight) {
    case DType::kF32:
    case DType::kF64:
      return 0x1p-24;
    case DType::kF16:
    case DType::kBF16:
    case DType::kFp8E4M3:
    case DType::kFp8E5M2:
      return 0x1p-8;
    default:
      return 0x1p-6;  // a step of 1/127 of the largest of a block, which is some four times the typical
  }
}

Tolerance dot(DType weight, int64_t k, double typical) {
  const double sum = std::sqrt(static_cast<double>(k)) * typical;  // of products with random signs
  const double rounding = product_error(weight);
  // In f32 the order of the sum counts, and an error of each step. Else the products' errors, of random signs as well.
  const double share = rounding < 0x1p-20 ? 16 * rounding * std::sqrt(static_cast<double>(k)) : 4 * rounding;
  return {8 * 0x1p-23 + share * sum, 64 * 0x1p-23, 0};
}

Tolerance gated_dot(DType weight, int64_t k, double typical) {
  Tolerance tolerance = dot(weight, k, typical);
  tolerance.spread = product_error(weight) < 0x1p-20 ? 64 * 0x1p-23 : 4 * product_error(weight);
  return tolerance;
}

Tolerance attended(DType kv) {
  if (kv == DType::kF32) return {32 * 0x1p-23, 128 * 0x1p-23, 0};
  return {4 * 0x1p-8, 0x1p-8, 0};  // queries, weights and values may be taken in a 16-bit type
}

}  // namespace bp::conformance
