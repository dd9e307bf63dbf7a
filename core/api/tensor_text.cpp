#include "api/tensor_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace bp::api {
namespace {

class Writer {
 public:
  Writer(std::span<const double> values, std::span<const int64_t> dims, bool integers, const TextOptions& options)
      : values_(values), dims_(dims), integers_(integers), options_(options) {
    shorten_ = static_cast<int64_t>(values.size()) > options.threshold;
    choose_format();
  }

  std::string write() {
    if (dims_.empty()) return number(values_.front());
    axis(0, 0);
    return std::move(out_);
  }

 private:
  // Numbers of very different size are written with an exponent, as numpy does.
  void choose_format() {
    double largest = 0;
    double smallest = INFINITY;
    for (const double x : values_) {
      if (!std::isfinite(x) || x == 0) continue;
      largest = std::max(largest, std::abs(x));
      smallest = std::min(smallest, std::abs(x));
    }
    exponent_ = largest >= 1e8 || (largest > 0 && (smallest < 1e-4 || largest / smallest > 1e3 * 1e3));
    for (const double x : values_) width_ = std::max(width_, number(x).size());
  }

  std::string number(double x) const {
    if (integers_) return fmt::format("{:.0f}", x);
    if (std::isnan(x)) return "nan";  // whatever its sign
    if (std::isinf(x)) return fmt::format("{}", x);
    return exponent_ ? fmt::format("{:.{}e}", x, options_.digits) : fmt::format("{:.{}f}", x, options_.digits);
  }

  // Writes the part of the tensor that begins at element `at` and spans the axes from `axis_idx` on.
  void axis(size_t axis_idx, size_t at) {
    const int64_t size = dims_[axis_idx];
    size_t stride = 1;
    for (size_t i = axis_idx + 1; i < dims_.size(); ++i) stride *= static_cast<size_t>(dims_[i]);
    const bool last = axis_idx + 1 == dims_.size();
    const bool cut = shorten_ && size > 2 * int64_t{options_.edge_items};
    out_ += '[';
    for (int64_t i = 0; i < size; ++i) {
      if (i > 0) separate(axis_idx, last);
      if (cut && i == options_.edge_items) {
        out_ += "...";
        i = size - options_.edge_items;
        separate(axis_idx, last);
      }
      if (last) {
        out_ += fmt::format("{:>{}}", number(values_[at + static_cast<size_t>(i)]), width_);
      } else {
        axis(axis_idx + 1, at + static_cast<size_t>(i) * stride);
      }
    }
    out_ += ']';
  }

  void separate(size_t axis_idx, bool last) {
    if (last) {
      out_ += ", ";
      return;
    }
    out_ += ",";
    out_.append(dims_.size() - axis_idx - 1, '\n');
    out_.append(axis_idx + 1, ' ');
  }

  std::span<const double> values_;
  std::span<const int64_t> dims_;
  bool integers_;
  TextOptions options_;
  bool shorten_ = false;
  bool exponent_ = false;
  size_t width_ = 0;
  std::string out_;
};

}  // namespace

std::vector<int64_t> index_of(size_t at, std::span<const int64_t> dims) {
  std::vector<int64_t> index(dims.size());
  auto rest = static_cast<int64_t>(at);
  for (size_t i = dims.size(); i-- > 0;) {
    index[i] = dims[i] == 0 ? 0 : rest % dims[i];
    rest = dims[i] == 0 ? 0 : rest / dims[i];
  }
  return index;
}

std::string range_text(std::span<const double> values) {
  double low = INFINITY;
  double high = -INFINITY;
  size_t n_nan = 0;
  size_t n_inf = 0;
  for (const double x : values) {
    n_nan += std::isnan(x) ? 1 : 0;
    n_inf += std::isinf(x) ? 1 : 0;
    if (!std::isfinite(x)) continue;
    low = std::min(low, x);
    high = std::max(high, x);
  }
  if (values.empty()) return "empty";
  std::string out = low <= high ? fmt::format("in [{:.6g}, {:.6g}]", low, high) : "no finite number";
  if (n_nan > 0) out += fmt::format(", {} NaN", n_nan);
  if (n_inf > 0) out += fmt::format(", {} infinite", n_inf);
  return out;
}

std::string values_text(std::span<const double> values, std::span<const int64_t> dims, bool integers,
                        const TextOptions& options) {
  if (values.empty()) return "[]";
  TextOptions valid = options;
  valid.edge_items = std::max(options.edge_items, 1);
  valid.digits = std::clamp(options.digits, 0, 17);
  return Writer(values, dims, integers, valid).write();
}

}  // namespace bp::api
