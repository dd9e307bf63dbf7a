#include "graph/graph.h"

#include <algorithm>

#include "base/check.h"
#include "graph/opset.h"

namespace bp {

const AttrValue* Node::attr(std::string_view key) const {
  for (const Attr& a : attrs) {
    if (a.key == key) return &a.value;
  }
  return nullptr;
}

int64_t Node::attr_int(std::string_view key) const {
  const AttrValue* value = attr(key);
  BP_CHECK(value != nullptr && std::holds_alternative<int64_t>(*value), "attribute {}", key);
  return std::get<int64_t>(*value);
}

double Node::attr_float(std::string_view key) const {
  const AttrValue* value = attr(key);
  BP_CHECK(value != nullptr && std::holds_alternative<double>(*value), "attribute {}", key);
  return std::get<double>(*value);
}

ValueId Graph::find(std::string_view value_name) const {
  const auto it = std::find_if(values.begin(), values.end(), [&](const Value& v) { return v.name == value_name; });
  return it == values.end() ? kNone : static_cast<ValueId>(it - values.begin());
}

int64_t Graph::max_size(const Extent& extent) const {
  return extent.is_static() ? extent.value : symbols[static_cast<size_t>(extent.symbol)].max;
}

int64_t Graph::min_size(const Extent& extent) const {
  return extent.is_static() ? extent.value : symbols[static_cast<size_t>(extent.symbol)].min;
}

std::vector<std::vector<NodeId>> uses(const Graph& graph) {
  std::vector<std::vector<NodeId>> readers(graph.values.size());
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId id : graph.nodes[n].in) {
      if (id != kNone) readers[static_cast<size_t>(id)].push_back(static_cast<NodeId>(n));
    }
  }
  return readers;
}

ValueId storage_root(const Graph& graph, ValueId id) {
  for (;;) {
    const Value& value = graph.value(id);
    if (value.updates != kNone) {
      id = value.updates;
    } else if (value.producer != kNone && graph.node(value.producer).op->view) {
      id = graph.node(value.producer).in[0];
    } else {
      return id;
    }
  }
}

}  // namespace bp
