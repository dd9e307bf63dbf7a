#include "compile/storage.h"

#include <fmt/format.h>

#include <algorithm>

#include "compile/views.h"

namespace bp {

Storage::Storage(const Graph& graph, std::span<const Group> groups, const std::vector<bool>& external)
    : parent_(graph.values.size()),
      offset_(graph.values.size(), 0),
      first_(graph.values.size(), -1),
      last_(graph.values.size(), -1) {
  for (size_t id = 0; id < parent_.size(); ++id) parent_[id] = static_cast<ValueId>(id);
  const Views views(graph);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    const Node& node = graph.node(id);
    if (const auto offset = views.offset(id)) {
      parent_[static_cast<size_t>(node.out[0])] = node.in[0];
      offset_[static_cast<size_t>(node.out[0])] = *offset;
    }
    for (const ValueId out : node.out) {
      if (graph.value(out).updates != kNone) parent_[static_cast<size_t>(out)] = graph.value(out).updates;
    }
  }
  for (size_t at = 0; at < groups.size(); ++at) {
    for (const ValueId value : groups[at].match.slots) use(value, static_cast<int>(at));
  }
  for (const ValueId output : graph.outputs) use(output, static_cast<int>(groups.size()));
  share_declared(graph, groups, external);
}

ValueId Storage::root(ValueId id) const {
  while (parent_[static_cast<size_t>(id)] != id) id = parent_[static_cast<size_t>(id)];
  return id;
}

uint64_t Storage::offset_bytes(ValueId id) const {
  uint64_t offset = offset_[static_cast<size_t>(id)];
  while (parent_[static_cast<size_t>(id)] != id) {
    id = parent_[static_cast<size_t>(id)];
    offset += offset_[static_cast<size_t>(id)];
  }
  return offset;
}

void Storage::use(ValueId id, int at) {
  if (id == kNone) return;
  const auto owner = static_cast<size_t>(root(id));
  if (first_[owner] < 0) first_[owner] = at;
  last_[owner] = std::max(last_[owner], at);
}

// Whether the storages of the two slots' roots may become one, but for what they are.
bool Storage::may_take(const Graph& graph, const Group& group, int at, std::pair<int, int> alias,
                       const std::vector<bool>& external) const {
  const auto& slots = group.match.slots;
  const ValueId from = root(slots[static_cast<size_t>(alias.second)]);
  const ValueId to = root(slots[static_cast<size_t>(alias.first)]);
  if (from == to || last_[static_cast<size_t>(from)] != at || first_[static_cast<size_t>(to)] != at) return false;
  if (external[static_cast<size_t>(from)] || external[static_cast<size_t>(to)]) return false;
  // Nothing else that the kernel reads or writes may lie there, unless the row says that it may, of which no more is
  // meant than element upon element: a slice of it, or a row that is read for all others, would be written over too
  // early.
  const auto is_all_of_it = [&](ValueId id) {
    const auto size = size_bytes(graph, graph.value(id));
    const auto whole = size_bytes(graph, graph.value(from));
    return offset_bytes(id) == 0 && size.has_value() && whole.has_value() && *size == *whole;
  };
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] == kNone || root(slots[i]) != from) continue;
    const std::pair<int, int> other{alias.first, static_cast<int>(i)};
    if (std::ranges::find(group.row->aliases, other) == group.row->aliases.end()) return false;
    if (!is_all_of_it(slots[i])) return false;
  }
  return true;
}

void Storage::share_declared(const Graph& graph, std::span<const Group> groups, const std::vector<bool>& external) {
  for (size_t at = 0; at < groups.size(); ++at) {
    if (groups[at].row == nullptr) continue;
    for (const auto& alias : groups[at].row->aliases) {
      const ValueId output = groups[at].match.slots[static_cast<size_t>(alias.first)];
      const ValueId input = groups[at].match.slots[static_cast<size_t>(alias.second)];
      if (output == kNone || input == kNone || !may_take(graph, groups[at], static_cast<int>(at), alias, external))
        continue;
      const auto from = static_cast<size_t>(root(input));
      const auto to = static_cast<size_t>(root(output));
      if (graph.values[from].role != Role::kActivation) continue;
      const auto have = size_bytes(graph, graph.values[from]);
      const auto need = size_bytes(graph, graph.values[to]);
      if (!have.has_value() || !need.has_value() || *have != *need) continue;
      parent_[to] = static_cast<ValueId>(from);
      last_[from] = std::max(last_[from], last_[to]);
    }
  }
}

std::optional<std::pair<int, int>> Storage::lifetime(ValueId id) const {
  const auto i = static_cast<size_t>(id);
  if (first_[i] < 0) return std::nullopt;
  return std::pair{first_[i], last_[i]};
}

Result<uint64_t> Storage::size_bytes(const Graph& graph, const Value& value) {
  const auto too_large = [&] {
    return fail(ErrorCode::kUnsupported, graph.name, fmt::format("value {} is too large", value.name),
                "use a smaller batch or context");
  };
  uint64_t rows = 1;
  for (size_t i = 0; i + 1 < value.dims.size(); ++i) {
    const auto size = static_cast<uint64_t>(std::max<int64_t>(graph.max_size(value.dims[i]), 0));
    if (__builtin_mul_overflow(rows, size, &rows)) return too_large();
  }
  const uint64_t columns =
      value.dims.empty() ? 1 : static_cast<uint64_t>(std::max<int64_t>(graph.max_size(value.dims.back()), 0));
  const auto row = row_bytes(value.dtype, columns);
  uint64_t total = 0;
  if (!row.has_value() || __builtin_mul_overflow(rows, *row, &total) || total > (uint64_t{1} << 48)) return too_large();
  return total;
}

}  // namespace bp
