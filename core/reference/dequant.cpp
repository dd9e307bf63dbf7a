// Quantised weights with scales (and zero points, and a permutation of columns) as operands of their own, and back.
#include <algorithm>
#include <cmath>

#include "reference/call.h"

namespace bp {

// y[n, k] = (w[n, p] - zeros[n / block_n, p / block_k]) scales[n / block_n, p / block_k], p = perm[k]
Status ref_dequant(const RefCall& call) {
  const RefTensor &w = call.in[0], &scales = call.in[1];
  const int64_t n = w.dims[0], k = w.dims[1];
  const int64_t block_n = call.attr_int("block_n"), block_k = call.attr_int("block_k");
  for (int64_t row = 0; row < n; ++row) {
    const std::vector<float> q = read_row(w, row), s = read_row(scales, row / block_n);
    const std::vector<float> z = call.has(2) ? read_row(call.in[2], row / block_n) : std::vector<float>(s.size(), 0.0f);
    std::vector<float> y(q.size(), 0.0f);
    for (int64_t column = 0; column < k; ++column) {
      const int64_t p = call.has(3) ? read_int(call.in[3], column) : column;
      if (p < 0 || p >= k) continue;
      const auto block = static_cast<size_t>(p / block_k);
      y[static_cast<size_t>(column)] = (q[static_cast<size_t>(p)] - z[block]) * s[block];
    }
    write_row(call.out[0], row, y);
  }
  return {};
}

Status ref_quantize(const RefCall& call) {
  const RefTensor &q = call.out[0], &scales = call.out[1];
  const int64_t block = call.attr_int("block_k");
  const float limit = largest_magnitude(q.dtype);
  for (int64_t b = 0; b < n_elements(scales); ++b) {
    std::vector<float> x(static_cast<size_t>(block));
    read_floats(call.in[0], b * block, block, x.data());
    float top = 0;
    for (const float value : x) top = std::max(top, std::fabs(value));
    const float scale = top / limit;
    for (float& value : x) value = scale == 0.0f ? 0.0f : std::clamp(value / scale, -limit, limit);
    write_floats(q, b * block, block, x.data());
    write_floats(scales, b, 1, &scale);
  }
  return {};
}

}  // namespace bp
