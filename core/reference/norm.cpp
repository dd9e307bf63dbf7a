#include <cmath>

#include "reference/call.h"

namespace bp {
namespace {

std::vector<float> optional_row(const RefCall& call, size_t operand, float otherwise) {
  if (call.has(operand)) return read_all(call.in[operand]);
  return std::vector<float>(static_cast<size_t>(row_size(call.in[0])), otherwise);
}

}  // namespace

Status ref_rms_norm(const RefCall& call) {
  const std::vector<float> w = optional_row(call, 1, 1.0f);
  const float eps = call.attr_float("eps");
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    std::vector<float> x = read_row(call.in[0], row);
    const auto h = static_cast<int64_t>(x.size());
    const float factor = 1.0f / std::sqrt(dot(x.data(), x.data(), h) / static_cast<float>(h) + eps);
    for (size_t i = 0; i < x.size(); ++i) x[i] = x[i] * factor * w[i];
    write_row(call.out[0], row, x);
  }
  return {};
}

Status ref_layer_norm(const RefCall& call) {
  const std::vector<float> w = optional_row(call, 1, 1.0f), b = optional_row(call, 2, 0.0f);
  const float eps = call.attr_float("eps");
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    std::vector<float> x = read_row(call.in[0], row);
    const auto h = static_cast<float>(x.size());
    float mean = 0, variance = 0;
    for (const float value : x) mean += value;
    mean /= h;
    for (const float value : x) variance += (value - mean) * (value - mean);
    const float factor = 1.0f / std::sqrt(variance / h + eps);
    for (size_t i = 0; i < x.size(); ++i) x[i] = (x[i] - mean) * factor * w[i] + b[i];
    write_row(call.out[0], row, x);
  }
  return {};
}

}  // namespace bp
