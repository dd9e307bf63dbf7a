#include "api/derived_size.h"

#include <algorithm>

#include "graph/extent.h"

namespace bp::api {
namespace {

const Attr* find(const std::vector<Attr>& attrs, std::string_view key) {
  const auto found = std::ranges::find(attrs, key, &Attr::key);
  return found == attrs.end() ? nullptr : &*found;
}

template <class T>
const T* get(const std::vector<Attr>& attrs, std::string_view key) {
  const Attr* attr = find(attrs, key);
  return attr == nullptr ? nullptr : std::get_if<T>(&attr->value);
}

// The sum along the axis, where all dynamic parts are of one size.
std::optional<Dim> joined(const std::vector<Tensor>& operands, int64_t axis) {
  std::string name;
  int64_t max_size = 0;
  Affine total{kNone, 0, 0};
  for (const Tensor& operand : operands) {
    if (operand.is_absent()) return std::nullopt;
    const auto rank = static_cast<int64_t>(operand.rank());
    if (axis < -rank || axis >= rank) return std::nullopt;
    const Dim dim = operand.dim(static_cast<int>(axis));
    const bool other = dim.is_dynamic() && !name.empty() && name != dim.name();
    int64_t add = dim.is_dynamic() ? dim.summand() : dim.size();
    if (other || __builtin_add_overflow(total.mul, dim.factor(), &total.mul) ||
        __builtin_add_overflow(total.add, add, &total.add))
      return std::nullopt;
    if (!dim.is_dynamic()) continue;
    name = dim.name();
    max_size = dim.max_size();
  }
  if (name.empty()) return std::nullopt;
  return Dim::dynamic(name, max_size) * total.mul + total.add;
}

// What -1 in a reshape stands for, where one dynamic size is left once equal ones are divided out.
std::optional<Dim> left(const Tensor& x, const Shape& shape) {
  std::vector<Dim> sizes;
  int64_t factor = 1;
  for (const Dim& dim : x.shape()) {
    if (dim.is_dynamic()) sizes.push_back(dim);
    if (!dim.is_dynamic() && __builtin_mul_overflow(factor, dim.size(), &factor)) return std::nullopt;
  }
  int64_t divisor = 1;
  int n_open = 0;
  for (const Dim& dim : shape) {
    if (dim.is_dynamic()) {
      const auto same = std::ranges::find(sizes, dim);
      if (same == sizes.end()) return std::nullopt;
      sizes.erase(same);
    } else if (dim.size() == -1) {
      ++n_open;
    } else if (__builtin_mul_overflow(divisor, dim.size(), &divisor)) {
      return std::nullopt;
    }
  }
  if (n_open != 1 || sizes.size() != 1 || divisor <= 0) return std::nullopt;
  const Dim& size = sizes[0];
  int64_t mul = 0;
  int64_t add = 0;
  if (__builtin_mul_overflow(size.factor(), factor, &mul) || __builtin_mul_overflow(size.summand(), factor, &add))
    return std::nullopt;
  if (mul < divisor || mul % divisor != 0 || add % divisor != 0) return std::nullopt;
  return Dim::dynamic(size.name(), size.max_size()) * (mul / divisor) + add / divisor;
}

// From `start` to the end of a dynamic axis.
std::optional<Dim> from(const Tensor& x, const std::vector<Attr>& attrs) {
  const auto number = [&](std::string_view key, int64_t otherwise) {
    const auto* value = get<int64_t>(attrs, key);
    return value == nullptr ? otherwise : *value;
  };
  const auto rank = static_cast<int64_t>(x.rank());
  const int64_t axis = number("axis", rank);
  const int64_t start = number("start", 0);
  constexpr int64_t kMost = int64_t{1} << 32;
  if (axis < -rank || axis >= rank || start <= 0 || start > kMost) return std::nullopt;
  if (number("length", -1) != -1 || number("step", 1) != 1) return std::nullopt;
  const Dim dim = x.dim(static_cast<int>(axis));
  // Sizes begin at 0, so that is what a size without them may be short of.
  if (!dim.is_dynamic() || dim.summand() < start) return std::nullopt;
  return dim + -start;
}

}  // namespace

std::optional<Dim> derived_size(std::string_view op, const std::vector<Tensor>& operands,
                                const std::vector<Attr>& attrs) {
  if (operands.empty() || operands[0].is_absent()) return std::nullopt;
  if (op == "concat") {
    const auto* axis = get<int64_t>(attrs, "axis");
    return axis == nullptr ? std::nullopt : joined(operands, *axis);
  }
  if (op == "reshape") {
    const auto* dims = get<Shape>(attrs, "dims");
    return dims == nullptr ? std::nullopt : left(operands[0], *dims);
  }
  if (op == "slice") return from(operands[0], attrs);
  // [T, k]: all slots of all rows, one after another.
  if (op == "expert_sort" && operands[0].rank() == 2 && !operands[0].dim(1).is_dynamic() &&
      operands[0].dim(1).size() >= 1)
    return operands[0].dim(0) * operands[0].dim(1).size();
  return std::nullopt;
}

}  // namespace bp::api
