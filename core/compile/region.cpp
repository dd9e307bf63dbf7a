#include "compile/region.h"

#include <algorithm>

#include "base/check.h"
#include "graph/opset.h"

namespace bp {
namespace {

uint32_t region_role(Role role) {
  switch (role) {
    case Role::kActivation:
      return BP_ROLE_ACT;
    case Role::kWeight:
      return BP_ROLE_WEIGHT;
    case Role::kKv:
      return BP_ROLE_KV;
    case Role::kParam:
      return BP_ROLE_PARAM;
  }
  return BP_ROLE_ACT;
}

bp_attr region_attr(const Attr& attr) {
  bp_attr out{};
  out.key = attr.key.c_str();
  if (const auto* number = std::get_if<int64_t>(&attr.value)) {
    out.kind = BP_ATTR_INT;
    out.n = 1;
    out.i = number;
  } else if (const auto* real = std::get_if<double>(&attr.value)) {
    out.kind = BP_ATTR_FLOAT;
    out.n = 1;
    out.f = real;
  } else if (const auto* text = std::get_if<std::string>(&attr.value)) {
    out.kind = BP_ATTR_STRING;
    out.n = 1;
    out.s = text->c_str();
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attr.value)) {
    out.kind = BP_ATTR_INT;
    out.n = static_cast<uint32_t>(ints->size());
    out.i = ints->data();
  } else if (const auto* reals = std::get_if<std::vector<double>>(&attr.value)) {
    out.kind = BP_ATTR_FLOAT;
    out.n = static_cast<uint32_t>(reals->size());
    out.f = reals->data();
  }
  return out;
}

// Bytes between neighbours of each dimension, dense row-major; all 0 for block formats, whose rows have no such stride.
void set_strides(bp_value& value, DType dtype) {
  const DTypeInfo& info = dtype_info(dtype);
  if (info.block_elements > 1) return;
  int64_t stride = info.block_bytes;
  for (uint32_t i = value.rank; i-- > 0;) {
    value.stride[i] = stride;
    if (__builtin_mul_overflow(stride, std::max<int64_t>(value.dim[i], 1), &stride)) return;
  }
}

}  // namespace

Region::Region(const Graph& graph, const Match& match, std::span<const uint32_t> layouts, const InternFn& intern) {
  for (const NodeId id : match.nodes) add_node(graph, graph.node(id), intern);
  for (const ValueId slot : match.slots) {
    args_.push_back(slot);
    arg_indices_.push_back(slot == kNone ? BP_ABSENT : add_value(graph, slot));
  }
  for (size_t i = 0; i < layouts.size(); ++i) {
    if (match.slots[i] == kNone || layouts[i] == 0) continue;
    bp_value& value = values_[arg_indices_[i]];
    value.layout = layouts[i];
    std::ranges::fill(value.stride, 0);
  }
  // Symbols that a derived one stands on come with it; values that hold a true size are arguments after the slots.
  for (size_t i = 0; i < symbols_.size(); ++i) {
    const Symbol& symbol = graph.symbols[static_cast<size_t>(symbols_[i])];
    if (symbol.base != kNone) syms_[i].base = static_cast<int32_t>(add_symbol(graph, symbol.base)) - 1;
    if (symbol.len_value == kNone) continue;
    syms_[i].len_value = static_cast<int32_t>(add_value(graph, symbol.len_value));
    args_.push_back(symbol.len_value);
    arg_indices_.push_back(static_cast<uint32_t>(syms_[i].len_value));
  }
  for (size_t i = 0; i < value_ids_.size(); ++i) {
    const auto updated = std::ranges::find(value_ids_, graph.value(value_ids_[i]).updates);
    values_[i].updates = graph.value(value_ids_[i]).updates == kNone || updated == value_ids_.end()
                             ? -1
                             : static_cast<int32_t>(updated - value_ids_.begin());
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].in = operands_[2 * i].data();
    nodes_[i].out = operands_[2 * i + 1].data();
    nodes_[i].attr = attrs_[i].data();
  }
  view_.struct_size = sizeof(bp_region);
  view_.n_node = static_cast<uint32_t>(nodes_.size());
  view_.node_stride = sizeof(bp_node);
  view_.n_value = static_cast<uint32_t>(values_.size());
  view_.value_stride = sizeof(bp_value);
  view_.n_arg = static_cast<uint32_t>(arg_indices_.size());
  view_.n_sym = static_cast<uint32_t>(syms_.size());
  view_.sym_stride = sizeof(bp_sym);
  view_.node = nodes_.data();
  view_.value = values_.data();
  view_.sym = syms_.data();
  view_.arg = arg_indices_.data();
}

uint32_t Region::add_symbol(const Graph& graph, SymbolId id) {
  const auto found = std::ranges::find(symbols_, id);
  if (found != symbols_.end()) return static_cast<uint32_t>(found - symbols_.begin()) + 1;
  const Symbol& symbol = graph.symbols[static_cast<size_t>(id)];
  bp_sym sym{};
  sym.struct_size = sizeof(bp_sym);
  if (symbol.device_only) sym.flags = BP_SYM_DEVICE_ONLY;
  sym.len_value = -1;
  sym.base = -1;
  sym.mul = symbol.mul;
  sym.add = symbol.add;
  sym.min = symbol.min;
  sym.max = symbol.max;
  sym.multiple_of = symbol.multiple_of;
  symbols_.push_back(id);
  syms_.push_back(sym);
  return static_cast<uint32_t>(symbols_.size());
}

uint32_t Region::add_value(const Graph& graph, ValueId id) {
  const auto found = std::ranges::find(value_ids_, id);
  if (found != value_ids_.end()) return static_cast<uint32_t>(found - value_ids_.begin());
  const Value& source = graph.value(id);
  bp_value value{};
  value.struct_size = sizeof(bp_value);
  value.dtype = static_cast<uint16_t>(source.dtype);
  value.role = region_role(source.role);
  value.updates = -1;
  value.rank = static_cast<uint32_t>(source.dims.size());
  BP_CHECK(source.dims.size() <= std::size(value.dim), "value {} has rank {}", source.name, source.dims.size());
  for (size_t i = 0; i < source.dims.size(); ++i) {
    const Extent& extent = source.dims[i];
    value.dim[i] = graph.max_size(extent);
    if (!extent.is_static()) value.dim_sym[i] = static_cast<uint16_t>(add_symbol(graph, extent.symbol));
  }
  set_strides(value, source.dtype);
  value_ids_.push_back(id);
  values_.push_back(value);
  return static_cast<uint32_t>(values_.size() - 1);
}

void Region::add_node(const Graph& graph, const Node& node, const InternFn& intern) {
  bp_node out{};
  out.struct_size = sizeof(bp_node);
  out.op = intern(node.op->full_name());
  std::vector<uint32_t> in;
  for (const ValueId id : node.in) in.push_back(id == kNone ? BP_ABSENT : add_value(graph, id));
  std::vector<uint32_t> results;
  for (const ValueId id : node.out) results.push_back(add_value(graph, id));
  std::vector<bp_attr> attrs;
  for (const Attr& attr : node.attrs) attrs.push_back(region_attr(attr));
  out.n_in = static_cast<uint32_t>(in.size());
  out.n_out = static_cast<uint32_t>(results.size());
  out.n_attr = static_cast<uint32_t>(attrs.size());
  out.attr_stride = sizeof(bp_attr);
  nodes_.push_back(out);
  operands_.push_back(std::move(in));
  operands_.push_back(std::move(results));
  attrs_.push_back(std::move(attrs));
}

}  // namespace bp
