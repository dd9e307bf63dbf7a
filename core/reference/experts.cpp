// Mixture of experts: slots sorted by expert, one product per expert, and the way back.
#include "reference/call.h"

namespace bp {

Status ref_expert_sort(const RefCall& call) {
  const RefTensor& idx = call.in[0];
  const int64_t n = call.attr_int("n_experts"), slots = n_elements(idx);
  int64_t at = 0;
  const auto place = [&](auto belongs) {
    for (int64_t slot = 0; slot < slots; ++slot) {
      if (belongs(read_int(idx, slot))) write_int(call.out[0], at++, slot);
    }
  };
  for (int64_t expert = 0; expert < n; ++expert) {
    write_int(call.out[1], expert, at);
    place([&](int64_t id) { return id == expert; });
  }
  write_int(call.out[1], n, at);
  place([&](int64_t id) { return id < 0 || id >= n; });
  return {};
}

Status ref_matmul_grouped(const RefCall& call) {
  const RefTensor &x = call.in[0], &w = call.in[1];
  const int64_t r = x.dims[0], k = x.dims[1], e = w.dims[0], n = w.dims[1];
  BP_TRY(const std::vector<int64_t> offsets, read_offsets(call, call.in[2], r));
  const std::vector<float> rows = read_all(x);
  std::vector<float> y(static_cast<size_t>(r * n), 0.0f);
  for (int64_t expert = 0; expert < e; ++expert) {
    const int64_t begin = offsets[static_cast<size_t>(expert)], end = offsets[static_cast<size_t>(expert) + 1];
    for (int64_t column = 0; begin < end && column < n; ++column) {
      const std::vector<float> weights = read_row(w, expert * n + column);
      for (int64_t row = begin; row < end; ++row) {
        y[static_cast<size_t>(row * n + column)] = dot(rows.data() + row * k, weights.data(), k);
      }
    }
  }
  write_floats(call.out[0], 0, r * n, y.data());
  return {};
}

// z[t] = Σ_j weights[t, j] y[r] with order[r] = t*k+j, in order of j whatever the order of the rows.
Status ref_moe_combine(const RefCall& call) {
  const RefTensor &y = call.in[0], &order = call.in[1];
  const std::vector<float> weights = read_all(call.in[2]);
  const int64_t t = call.in[2].dims[0], k = call.in[2].dims[1], n = row_size(y);
  std::vector<int64_t> row_of(static_cast<size_t>(t * k), -1);
  for (int64_t row = 0; row < n_elements(order); ++row) {
    const int64_t slot = read_int(order, row);
    if (slot >= 0 && slot < t * k) row_of[static_cast<size_t>(slot)] = row;
  }
  for (int64_t token = 0; token < t; ++token) {
    std::vector<float> z(static_cast<size_t>(n), 0.0f);
    for (int64_t j = 0; j < k; ++j) {
      const auto slot = static_cast<size_t>(token * k + j);
      if (row_of[slot] < 0) continue;
      const std::vector<float> row = read_row(y, row_of[slot]);
      for (size_t i = 0; i < z.size(); ++i) z[i] += weights[slot] * row[i];
    }
    write_row(call.out[0], token, z);
  }
  return {};
}

}  // namespace bp
