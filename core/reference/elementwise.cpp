// The ops of one operand, each element on its own.
#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/call.h"

namespace bp {
namespace {

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

float softplus(float x) { return x > 20.0f ? x : std::log1p(std::exp(x)); }

float gelu(float x) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678f)); }

float gelu_tanh(float x) { return 0.5f * x * (1.0f + std::tanh(0.79788456f * (x + 0.044715f * x * x * x))); }

using Function = float (*)(float);
struct Named {
  std::string_view name;
  Function function;
};

constexpr Named kFunctions[] = {
    {"neg", [](float x) { return -x; }},
    {"abs", [](float x) { return std::fabs(x); }},
    {"exp", [](float x) { return std::exp(x); }},
    {"log", [](float x) { return std::log(x); }},
    {"sqrt", [](float x) { return std::sqrt(x); }},
    {"rsqrt", [](float x) { return 1.0f / std::sqrt(x); }},
    {"sin", [](float x) { return std::sin(x); }},
    {"cos", [](float x) { return std::cos(x); }},
    {"tanh", [](float x) { return std::tanh(x); }},
    {"sigmoid", sigmoid},
    {"silu", [](float x) { return x * sigmoid(x); }},
    {"relu", [](float x) { return std::max(x, 0.0f); }},
    {"softplus", softplus},
    {"logical_not", [](float x) { return x == 0.0f ? 1.0f : 0.0f; }},
};

template <class F>
Status map(const RefCall& call, F function) {
  for (int64_t row = 0; row < n_rows(call.in[0]); ++row) {
    std::vector<float> x = read_row(call.in[0], row);
    for (float& value : x) value = function(value);
    write_row(call.out[0], row, x);
  }
  return {};
}

// Integers keep all their bits on the way to a wider type, and are clamped on the way to a narrower one.
void cast_integers(const RefTensor& from, const RefTensor& to) {
  const bool wide = to.dtype == DType::kI64 || to.dtype == DType::kBool;
  const int64_t bits = wide ? 64 : 8 * dtype_info(to.dtype).block_bytes;
  const bool is_unsigned = to.dtype == DType::kU8;
  const int64_t high = bits == 64    ? std::numeric_limits<int64_t>::max()
                       : is_unsigned ? (int64_t{1} << bits) - 1
                                     : (int64_t{1} << (bits - 1)) - 1;
  const int64_t low = is_unsigned ? 0 : -high - 1;
  for (int64_t i = 0; i < n_elements(from); ++i) write_int(to, i, std::clamp(read_int(from, i), low, high));
}

bool is_plain_integer(DType dtype) { return is_integer(dtype) || dtype == DType::kBool; }

}  // namespace

Status ref_unary(const RefCall& call) {
  if (call.op.name == "gelu") return map(call, call.attr_int("tanh") != 0 ? gelu_tanh : gelu);
  for (const Named& named : kFunctions) {
    if (named.name == call.op.name) return map(call, named.function);
  }
  return call.error("has no formula");
}

Status ref_scale(const RefCall& call) {
  const float mul = call.attr_float("mul"), add = call.attr_float("add");
  return map(call, [=](float x) { return x * mul + add; });
}

Status ref_clamp(const RefCall& call) {
  const float low = call.attr_float("min"), high = call.attr_float("max");
  return map(call, [=](float x) { return std::min(std::max(x, low), high); });
}

Status ref_cast(const RefCall& call) {
  if (!is_plain_integer(call.in[0].dtype) || !is_plain_integer(call.out[0].dtype)) {
    return map(call, [](float x) { return x; });
  }
  cast_integers(call.in[0], call.out[0]);
  return {};
}

}  // namespace bp
