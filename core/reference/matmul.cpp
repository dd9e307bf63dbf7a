// Matrix products. Weights are decoded one row at a time, which then meets all rows of x: a large model stays usable.
#include <algorithm>

#include "reference/call.h"

namespace bp {

// y[m, n] = Σ_k x[m, k] w[n, k]
Status ref_matmul(const RefCall& call) {
  const RefTensor &x = call.in[0], &w = call.in[1];
  const int64_t k = row_size(x), m = n_rows(x), n = w.dims[0];
  const std::vector<float> rows = read_all(x);
  std::vector<float> y(static_cast<size_t>(m * n));
  for (int64_t column = 0; column < n; ++column) {
    const std::vector<float> weights = read_row(w, column);
    for (int64_t row = 0; row < m; ++row) {
      y[static_cast<size_t>(row * n + column)] = dot(rows.data() + row * k, weights.data(), k);
    }
  }
  write_floats(call.out[0], 0, m * n, y.data());
  return {};
}

// y[m, b, n] = Σ_k x[m, b, k] w[b, n, k]
Status ref_matmul_batched(const RefCall& call) {
  const RefTensor &x = call.in[0], &w = call.in[1];
  const int64_t b = w.dims[0], n = w.dims[1], k = w.dims[2];
  const int64_t m = b == 0 ? 0 : n_rows(x) / b;
  const std::vector<float> rows = read_all(x);
  std::vector<float> y(static_cast<size_t>(m * b * n));
  for (int64_t i = 0; i < b * n; ++i) {
    const std::vector<float> weights = read_row(w, i);
    for (int64_t row = 0; row < m; ++row) {
      y[static_cast<size_t>(row * b * n + i)] = dot(rows.data() + (row * b + i / n) * k, weights.data(), k);
    }
  }
  write_floats(call.out[0], 0, m * b * n, y.data());
  return {};
}

// y[t, j, n] = Σ_c x[t, j, c] w[idx[t, j], n, c]; matrix by matrix, so that each row of w is decoded once.
Status ref_matmul_indexed(const RefCall& call) {
  const RefTensor &x = call.in[0], &w = call.in[1], &idx = call.in[2];
  const int64_t e = w.dims[0], n = w.dims[1], k = w.dims[2], slots = n_elements(idx);
  const int64_t slots_per_row = n_rows(x) == 0 ? 1 : std::max<int64_t>(slots / n_rows(x), 1);
  const std::vector<float> rows = read_all(x);
  std::vector<float> y(static_cast<size_t>(slots * n), 0.0f);
  for (int64_t matrix = 0; matrix < e; ++matrix) {
    std::vector<int64_t> mine;
    for (int64_t slot = 0; slot < slots; ++slot) {
      if (read_int(idx, slot) == matrix) mine.push_back(slot);
    }
    for (int64_t column = 0; !mine.empty() && column < n; ++column) {
      const std::vector<float> weights = read_row(w, matrix * n + column);
      for (const int64_t slot : mine) {
        y[static_cast<size_t>(slot * n + column)] = dot(rows.data() + slot / slots_per_row * k, weights.data(), k);
      }
    }
  }
  write_floats(call.out[0], 0, slots * n, y.data());
  return {};
}

}  // namespace bp
