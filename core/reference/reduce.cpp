// Reductions over the last axis, and what else runs along rows.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "reference/call.h"

namespace bp {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

float largest(std::span<const float> x) {
  float out = kLowest;
  for (const float value : x) out = value > out ? value : out;
  return out;
}

float sum(std::span<const float> x) { return std::accumulate(x.begin(), x.end(), 0.0f); }

}  // namespace

Status ref_reduce(const RefCall& call) {
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    const std::vector<float> x = read_row(call.in[0], row);
    float y = call.op.name == "reduce_max" ? largest(x) : sum(x);
    if (call.op.name == "reduce_mean") y /= static_cast<float>(x.size());
    write_floats(call.out[0], row, 1, &y);
  }
  return {};
}

Status ref_argmax(const RefCall& call) {
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    const std::vector<float> x = read_row(call.in[0], row);
    size_t best = 0;
    float value = kLowest;
    for (size_t i = 0; i < x.size(); ++i) {
      if (!(x[i] > value)) continue;
      value = x[i];
      best = i;
    }
    write_int(call.out[0], row, static_cast<int64_t>(best));
  }
  return {};
}

Status ref_cumsum(const RefCall& call) {
  const int64_t n = row_size(call.in[0]);
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    if (is_float(call.in[0].dtype)) {
      std::vector<float> x = read_row(call.in[0], row);
      std::partial_sum(x.begin(), x.end(), x.begin());
      write_row(call.out[0], row, x);
      continue;
    }
    uint64_t total = 0;
    for (int64_t i = 0; i < n; ++i) {
      total += static_cast<uint64_t>(read_int(call.in[0], row * n + i));
      write_int(call.out[0], row * n + i, static_cast<int64_t>(total));
    }
  }
  return {};
}

Status ref_softmax(const RefCall& call) {
  const bool log = call.op.name == "log_softmax";
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    std::vector<float> x = read_row(call.in[0], row);
    const float top = largest(x);
    float total = 0;
    for (const float value : x) total += std::exp(value - top);
    for (float& value : x) {
      if (log) {
        value = value - top - std::log(total);
      } else {
        value = top == kLowest ? 0.0f : std::exp(value - top) / total;
      }
    }
    write_row(call.out[0], row, x);
  }
  return {};
}

Status ref_topk(const RefCall& call) {
  const int64_t k = call.attr_int("k");
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    const std::vector<float> x = read_row(call.in[0], row);
    const auto key = [&](int64_t i) {
      const float value = x[static_cast<size_t>(i)];
      return std::isnan(value) ? kLowest : value;
    };
    std::vector<int64_t> order(x.size());
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + k, order.end(),
                      [&](int64_t a, int64_t b) { return key(a) > key(b) || (key(a) == key(b) && a < b); });
    for (int64_t j = 0; j < k; ++j) {
      const int64_t index = order[static_cast<size_t>(j)];
      write_floats(call.out[0], row * k + j, 1, &x[static_cast<size_t>(index)]);
      write_int(call.out[1], row * k + j, index);
    }
  }
  return {};
}

}  // namespace bp
