#include <fmt/format.h>

#include "graph/opset_families.h"

namespace bp {
namespace {

constexpr int64_t kMaxRanks = 4096;

Status infer_same(Inference& call) {
  call.out.push_back({call.operand(0).dtype, call.operand(0).dims});
  return {};
}

// The axis grows or shrinks by the number of ranks.
Status infer_axis(Inference& call) {
  const int64_t axis = call.attr_int("axis"), world = call.attr_int("world");
  std::vector<Extent> dims = call.operand(0).dims;
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()) || world < 1 || world > kMaxRanks) {
    return call.error(fmt::format("axis {} of {} on {} ranks", axis, call.show(0), world), "name one of its axes");
  }
  const auto size = affine(call.graph, dims[static_cast<size_t>(axis)]);
  const bool gather = call.op.name == "coll.all_gather";
  const bool divides = gather || world == 1 || (size && size->base == kNone && size->add % world == 0);
  const auto after = !size || !divides ? std::nullopt
                     : gather          ? affine_mul(*size, {kNone, 0, world})
                                       : affine_div(*size, world);
  const auto extent = after ? to_extent(call.graph, *after) : std::nullopt;
  if (!extent) return call.error(fmt::format("axis {} of {} on {} ranks", axis, call.show(0), world), "make it divide");
  dims[static_cast<size_t>(axis)] = *extent;
  call.out.push_back({call.operand(0).dtype, std::move(dims)});
  return {};
}

OpDef collective(std::string_view name, std::string_view doc, bool has_axis) {
  OpDef op{.name = name,
           .operands = {{"x", "any"}},
           .results = {{"y", has_axis ? "x with the axis grown or divided" : "as x"}},
           .attrs = {{"comm", AttrKind::kString, false, 0, "the communicator"},
                     optional_int("world", 1, "ranks in it; the reference knows one")},
           .doc = doc,
           .infer = has_axis ? infer_axis : infer_same};
  if (has_axis) op.attrs.push_back(required_int("axis", "the axis"));
  return op;
}

}  // namespace

void add_collective_ops(Opset& ops) {
  ops.push_back(collective("coll.all_reduce", "y = Σ of x over the ranks", false));
  ops.push_back(collective("coll.all_gather", "y = x of all ranks, joined along the axis in order of rank", true));
  ops.push_back(
      collective("coll.reduce_scatter", "y = this rank's part, along the axis, of Σ of x over the ranks", true));
  ops.push_back(collective("coll.all_to_all",
                           "x's first axis in as many parts as ranks: part r goes to rank r, and y joins what came",
                           false));
}

}  // namespace bp
