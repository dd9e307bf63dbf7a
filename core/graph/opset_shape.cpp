#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>

#include "graph/opset_families.h"

namespace bp {
namespace {

constexpr std::string_view kDimsDoc = "each a size, or -2 - symbol";

Result<std::vector<Extent>> decode_dims(const Inference& call) {
  std::vector<Extent> dims;
  for (const int64_t code : call.attr_ints("dims")) {
    if (code == -1) {
      dims.push_back(Extent::fixed(-1));
      continue;
    }
    const auto extent = decode_extent(call.graph, code);
    if (!extent) return call.error(fmt::format("dims holds {}, which is no size", code), "use sizes >= 0");
    dims.push_back(*extent);
  }
  return dims;
}

bool is_inferred(const Extent& dim) { return dim == Extent::fixed(-1); }

// A product of extents: a factor, and the dynamic parts without common factors of their own ("8 n + 24" is 8 times
// "n + 3"), in order.
struct Product {
  int64_t factor = 1;
  std::vector<Affine> parts = {};
  bool valid = true;

  bool multiply(int64_t by) { return !__builtin_mul_overflow(factor, by, &factor); }
  bool operator==(const Product&) const = default;
};

bool comes_first(const Affine& a, const Affine& b) {
  return std::tie(a.base, a.mul, a.add) < std::tie(b.base, b.mul, b.add);
}

Product product(const Graph& graph, std::span<const Extent> dims) {
  Product out;
  for (const Extent& dim : dims) {
    if (is_inferred(dim)) continue;
    const auto size = affine(graph, dim);
    if (!size) return {.valid = false};
    const int64_t common = size->base == kNone ? size->add : std::gcd(size->mul, size->add);
    if (!out.multiply(common)) return {.valid = false};
    if (size->base != kNone) out.parts.push_back({size->base, size->mul / common, size->add / common});
  }
  std::ranges::sort(out.parts, comes_first);
  return out;
}

// What `whole` is times `part`, as an extent.
std::optional<Extent> quotient(const Graph& graph, const Product& whole, const Product& part) {
  if (!whole.valid || !part.valid || part.factor <= 0 || whole.factor % part.factor != 0) return std::nullopt;
  std::vector<Affine> rest;
  std::ranges::set_difference(whole.parts, part.parts, std::back_inserter(rest), comes_first);
  if (rest.size() + part.parts.size() != whole.parts.size() || rest.size() > 1) return std::nullopt;
  const int64_t factor = whole.factor / part.factor;
  if (rest.empty()) return Extent::fixed(factor);
  const auto size = affine_mul(rest[0], {kNone, 0, factor});
  return size ? to_extent(graph, *size) : std::nullopt;
}

Status infer_reshape(Inference& call) {
  BP_TRY(auto dims, decode_dims(call));
  const auto from = product(call.graph, call.operand(0).dims);
  const auto to = product(call.graph, dims);
  const auto open = std::find_if(dims.begin(), dims.end(), is_inferred);
  const bool many = std::count_if(dims.begin(), dims.end(), is_inferred) > 1;
  const auto inferred = open == dims.end() || many ? std::nullopt : quotient(call.graph, from, to);
  if (inferred) *open = *inferred;
  if (!from.valid || !to.valid || many || (open == dims.end() ? from != to : !inferred)) {
    return call.error(fmt::format("{} cannot become {}", call.show(0), dims_text(call.graph, dims)),
                      "element counts must be equal, at most one dim inferred, and its size a declared symbol");
  }
  call.out.push_back({call.operand(0).dtype, std::move(dims)});
  return {};
}

Status infer_transpose(Inference& call) {
  const std::vector<int64_t>& perm = call.attr_ints("perm");
  const std::vector<Extent>& from = call.operand(0).dims;
  std::vector<Extent> dims;
  std::vector<bool> seen(from.size(), false);
  for (const int64_t axis : perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(from.size()) || seen[static_cast<size_t>(axis)]) break;
    seen[static_cast<size_t>(axis)] = true;
    dims.push_back(from[static_cast<size_t>(axis)]);
  }
  if (dims.size() != from.size() || perm.size() != from.size()) {
    return call.error(fmt::format("perm is no order of the axes of {}", call.show(0)), "name each axis once");
  }
  if (is_block(call.operand(0).dtype)) return call.error("x has a block dtype", "dequantise it first");
  call.out.push_back({call.operand(0).dtype, std::move(dims)});
  return {};
}

Result<size_t> axis_of(const Inference& call, size_t operand) {
  const auto rank = static_cast<int64_t>(call.operand(operand).dims.size());
  const int64_t axis = call.attr_int("axis");
  if (axis >= -rank && axis < rank) return static_cast<size_t>(axis < 0 ? axis + rank : axis);
  return call.error(fmt::format("axis {} of {}", axis, call.show(operand)), "name one of its axes");
}

Status infer_slice(Inference& call) {
  BP_TRY(const size_t axis, axis_of(call, 0));
  const Extent& from = call.operand(0).dims[axis];
  const int64_t start = call.attr_int("start"), step = call.attr_int("step");
  int64_t length = call.attr_int("length");
  std::vector<Extent> dims = call.operand(0).dims;
  if (length == -1 && start == 0 && step == 1) {
    call.out.push_back({call.operand(0).dtype, std::move(dims)});
    return {};
  }
  const int64_t n = call.graph.min_size(from);
  // To the end of a dynamic axis that is never shorter than what is left out: a size that follows from it.
  if (length == -1 && !from.is_static() && step == 1 && start > 0 && start <= n) {
    const auto size = affine_add(affine(call.graph, from).value_or(Affine{}), -start);
    const auto rest = size ? to_extent(call.graph, *size) : std::nullopt;
    if (!rest)
      return call.error(fmt::format("no size is {} less than axis {} of {}", start, axis, call.show(0)), "declare it");
    dims[axis] = *rest;
    call.out.push_back({call.operand(0).dtype, std::move(dims)});
    return {};
  }
  if (length == -1 && from.is_static() && step > 0 && start >= 0 && start <= n)
    length = start < n ? (n - 1 - start) / step + 1 : 0;
  // Of the last element: start + (length - 1) * step < n, without overflow.
  const bool fits =
      start >= 0 && step > 0 && length >= 0 && (length == 0 || (start < n && length - 1 <= (n - 1 - start) / step));
  if (!fits) {
    return call.error(
        fmt::format("start {} length {} step {} leaves axis {} of {}", start, length, step, axis, call.show(0)),
        "stay inside; of a dynamic axis, inside its smallest size");
  }
  if (is_block(call.operand(0).dtype) && axis + 1 == dims.size()) {
    return call.error("the last axis of a block dtype", "dequantise it first");
  }
  dims[axis] = Extent::fixed(length);
  call.out.push_back({call.operand(0).dtype, std::move(dims)});
  return {};
}

Result<Affine> add_sizes(const Inference& call, const Affine& a, const Affine& b) {
  const bool parts = a.base == kNone || b.base == kNone || a.base == b.base;
  Affine sum{a.base == kNone ? b.base : a.base, 0, 0};
  if (parts && !__builtin_add_overflow(a.mul, b.mul, &sum.mul) && !__builtin_add_overflow(a.add, b.add, &sum.add)) {
    return sum;
  }
  return call.error("the joined axis has no size", "join static axes, or extents of one symbol");
}

Status infer_concat(Inference& call) {
  BP_TRY(const size_t axis, axis_of(call, 0));
  std::vector<Extent> dims = call.operand(0).dims;
  Affine total;
  for (size_t i = 0; i < call.in.size(); ++i) {
    if (!call.has(i)) return call.error("an operand is absent", "leave it out");
    std::vector<Extent> other = call.operand(i).dims;
    const auto size = axis < other.size() ? affine(call.graph, other[axis]) : std::nullopt;
    if (size) other[axis] = dims[axis];
    if (!size || !same_dims(call.graph, other, dims) || call.operand(i).dtype != call.operand(0).dtype) {
      return call.error(fmt::format("{} and {} do not join along axis {}", call.show(0), call.show(i), axis),
                        "the other dims and the dtype must be equal");
    }
    BP_TRY(total, add_sizes(call, total, *size));
  }
  const auto extent = to_extent(call.graph, total);
  if (!extent) return call.error("the joined axis has no symbol of its size", "declare a derived symbol");
  if (is_block(call.operand(0).dtype) && axis + 1 == dims.size()) {
    return call.error("the last axis of a block dtype", "dequantise it first");
  }
  dims[axis] = *extent;
  call.out.push_back({call.operand(0).dtype, std::move(dims)});
  return {};
}

Status infer_broadcast(Inference& call) {
  BP_TRY(auto dims, decode_dims(call));
  const std::vector<Extent>& from = call.operand(0).dims;
  bool ok = from.size() <= dims.size() && std::none_of(dims.begin(), dims.end(), is_inferred);
  for (size_t i = 0; ok && i < from.size(); ++i) {
    const Extent& dim = from[from.size() - 1 - i];
    ok = dim == Extent::fixed(1) || same_extent(call.graph, dim, dims[dims.size() - 1 - i]);
  }
  if (!ok) {
    return call.error(fmt::format("{} cannot become {}", call.show(0), dims_text(call.graph, dims)),
                      "dims must be equal or 1, counted from the last");
  }
  if (is_block(call.operand(0).dtype)) return call.error("x has a block dtype", "dequantise it first");
  call.out.push_back({call.operand(0).dtype, std::move(dims)});
  return {};
}

}  // namespace

void add_shape_ops(Opset& ops) {
  ops.push_back({.name = "reshape",
                 .operands = {{"x", "any", TypeRule::kAny}},
                 .results = {{"y", "dims"}},
                 .attrs = {{"dims", AttrKind::kInts, true, 0, "each a size, -2 - symbol, or once -1: what is left"}},
                 .doc = "The same bytes under another shape.",
                 .view = true,
                 .infer = infer_reshape});
  ops.push_back({.name = "transpose",
                 .operands = {{"x", "any", TypeRule::kAny}},
                 .results = {{"y", "permuted"}},
                 .attrs = {{"perm", AttrKind::kInts, true, 0, "axis i of the result is axis perm[i] of x"}},
                 .doc = "y[i_perm[0], i_perm[1], …] = x[i_0, i_1, …]",
                 .infer = infer_transpose});
  ops.push_back({.name = "slice",
                 .operands = {{"x", "any", TypeRule::kAny}},
                 .results = {{"y", "x with `length` in place of the axis"}},
                 .attrs = {required_int("axis", "negative: from the end"), optional_int("start", 0, "the first index"),
                           optional_int("length", -1, "how many; -1: to the end"),
                           optional_int("step", 1, "distance of two indices")},
                 .doc = "Indices start, start + step, … of one axis.",
                 .infer = infer_slice});
  ops.push_back({.name = "concat",
                 .operands = {{.name = "x", .shape = "any", .type = TypeRule::kAny, .variadic = true}},
                 .results = {{"y", "the axes joined"}},
                 .attrs = {required_int("axis", "negative: from the end")},
                 .doc = "The operands one after another along one axis.",
                 .infer = infer_concat});
  ops.push_back({.name = "broadcast",
                 .operands = {{"x", "any", TypeRule::kAny}},
                 .results = {{"y", "dims"}},
                 .attrs = {{"dims", AttrKind::kInts, true, 0, kDimsDoc}},
                 .doc = "x repeated along the dims where it has 1, or none; trailing dims aligned.",
                 .infer = infer_broadcast});
  ops.push_back({.name = "iota",
                 .operands = {{"like", "[T, ..]", TypeRule::kAny}},
                 .results = {{"y", "[T]", DType::kI32}},
                 .doc = "y[t] = t; of `like` only the size counts."});
}

}  // namespace bp
