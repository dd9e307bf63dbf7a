#include "compile/result_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/check.h"
#include "quant/quant.h"

namespace bp {
namespace {

std::vector<float> floats(DType dtype, std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / dtype_info(dtype).block_bytes);
  decode_row(dtype, bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

template <class T>
T element(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at * sizeof(T), sizeof(T));
  return value;
}

double integer(DType dtype, std::span<const std::byte> bytes, size_t at) {
  switch (dtype) {
    case DType::kI64:
      return static_cast<double>(element<int64_t>(bytes, at));
    case DType::kI32:
      return element<int32_t>(bytes, at);
    default:
      return std::to_integer<int>(bytes[at]);
  }
}

ResultDifference compare_exact(DType dtype, std::span<const std::byte> got, std::span<const std::byte> want) {
  const size_t width = dtype == DType::kI64 ? 8 : dtype == DType::kI32 ? 4 : 1;
  ResultDifference difference{.n_elements = got.size() / width};
  const auto [first, other] = std::ranges::mismatch(got, want);
  if (first == got.end()) return difference;
  difference.at = static_cast<size_t>(first - got.begin()) / width;
  difference.share = std::numeric_limits<double>::infinity();
  difference.got = integer(dtype, got, difference.at);
  difference.want = integer(dtype, want, difference.at);
  return difference;
}

double distance(float a, float b) {
  if (std::isnan(a) && std::isnan(b)) return 0;
  if (std::isnan(a) || std::isnan(b) || std::isinf(a) || std::isinf(b))
    return a == b ? 0 : std::numeric_limits<double>::infinity();
  return std::abs(static_cast<double>(a) - static_cast<double>(b));
}

}  // namespace

bool is_plain_float(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16; }

ResultDifference compare_results(DType dtype, std::span<const std::byte> got, std::span<const std::byte> want,
                                 std::span<const std::byte> before) {
  BP_CHECK(got.size() == want.size(), "{} bytes and {}", got.size(), want.size());
  if (!is_plain_float(dtype)) return compare_exact(dtype, got, want);
  if (std::ranges::equal(got, want)) return {.n_elements = got.size() / dtype_info(dtype).block_bytes};
  const std::vector<float> a = floats(dtype, got);
  const std::vector<float> b = floats(dtype, want);
  const size_t width = dtype_info(dtype).block_bytes;
  const auto is_touched = [&](size_t i) {
    return before.size() != want.size() || std::memcmp(before.data() + i * width, want.data() + i * width, width) != 0;
  };
  ResultDifference difference{.n_elements = a.size()};
  double largest = 0;
  double magnitude = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isfinite(b[i]) && is_touched(i)) magnitude = std::max(magnitude, std::abs(static_cast<double>(b[i])));
    const double apart = distance(a[i], b[i]);
    if (apart <= largest) continue;
    largest = apart;
    difference.at = i;
    difference.got = static_cast<double>(a[i]);
    difference.want = static_cast<double>(b[i]);
  }
  constexpr double kWorst = std::numeric_limits<double>::infinity();
  difference.share = largest == 0 ? 0 : magnitude == 0 || std::isinf(largest) ? kWorst : largest / magnitude;
  return difference;
}

double results_difference(const Graph& graph, std::span<const ValueId> results, std::span<const std::byte> got,
                          std::span<const std::byte> want) {
  constexpr double kWorst = std::numeric_limits<double>::infinity();
  if (got.size() != want.size()) return kWorst;
  const auto dtype = [&] { return graph.value(results.front()).dtype; };
  const bool is_one_type =
      !results.empty() && std::ranges::all_of(results, [&](ValueId id) { return graph.value(id).dtype == dtype(); });
  if (!is_one_type) return std::ranges::equal(got, want) ? 0 : kWorst;
  return compare_results(dtype(), got, want).share;
}

double result_tolerance(const Graph& graph, std::span<const ValueId> ids) {
  double tolerance = 1e-3;
  for (const ValueId id : ids) {
    if (id == kNone) continue;
    const DType dtype = graph.value(id).dtype;
    if (dtype == DType::kF16 || dtype == DType::kBF16) tolerance = std::max(tolerance, 0.02);
    // Block formats are multiplied with activations of 8 bits.
    if (dtype_info(dtype).block_elements > 1) tolerance = std::max(tolerance, 0.04);
  }
  return tolerance;
}

size_t find_nan(DType dtype, std::span<const std::byte> bytes) {
  if (!is_plain_float(dtype)) return SIZE_MAX;
  const std::vector<float> values = floats(dtype, bytes);
  const auto found = std::ranges::find_if(values, [](float x) { return std::isnan(x); });
  return found == values.end() ? SIZE_MAX : static_cast<size_t>(found - values.begin());
}

}  // namespace bp
