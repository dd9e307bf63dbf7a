#include "graph/printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/extent.h"
#include "graph/opset.h"

namespace bp {
namespace {

// Names come from model files; the text stays one line per thing.
std::string clean(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::string extent_code_text(const Graph& graph, int64_t code) {
  const auto extent = decode_extent(graph, code);
  return extent ? extent_text(graph, *extent) : fmt::format("{}", code);
}

std::string attr_text(const Graph& graph, const Attr& attr) {
  if (const auto* number = std::get_if<int64_t>(&attr.value)) {
    if (attr.key == "n_rows") return extent_code_text(graph, *number);
    const auto dtype = attr.key == "dtype" ? dtype_of_number(*number) : std::nullopt;
    return dtype ? std::string(dtype_name(*dtype)) : fmt::format("{}", *number);
  }
  if (const auto* number = std::get_if<double>(&attr.value)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&attr.value)) return fmt::format("\"{}\"", clean(*text));
  std::string out = "[";
  const auto add = [&](const std::string& item) { out += (out.size() > 1 ? ", " : "") + item; };
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&attr.value)) {
    for (const int64_t n : *numbers) add(attr.key == "dims" ? extent_code_text(graph, n) : fmt::format("{}", n));
  } else {
    for (const double n : std::get<std::vector<double>>(attr.value)) add(fmt::format("{}", n));
  }
  return out + "]";
}

bool is_default(const OpDef& op, const Attr& attr) {
  const auto it = std::find_if(op.attrs.begin(), op.attrs.end(), [&](const AttrDef& d) { return d.key == attr.key; });
  if (it == op.attrs.end() || it->required) return false;
  if (const auto* number = std::get_if<int64_t>(&attr.value)) return static_cast<double>(*number) == it->default_number;
  if (const auto* number = std::get_if<double>(&attr.value)) return *number == it->default_number;
  const auto* text = std::get_if<std::string>(&attr.value);
  return text != nullptr && text->empty();
}

std::string attrs_text(const Graph& graph, const Node& node) {
  std::string out;
  for (const Attr& attr : node.attrs) {
    if (is_default(*node.op, attr)) continue;
    out += fmt::format("{}{}={}", out.empty() ? " {" : ", ", attr.key, attr_text(graph, attr));
  }
  return out.empty() ? out : out + "}";
}

std::string symbol_text(const Graph& graph, const Symbol& symbol) {
  std::string out = fmt::format("symbol {} in {}..{}", clean(symbol.name), symbol.min, symbol.max);
  if (symbol.multiple_of != 1) out += fmt::format(" by {}", symbol.multiple_of);
  if (symbol.base != kNone) {
    out += fmt::format(" = {} * {} + {}", symbol.mul, extent_text(graph, Extent::dynamic(symbol.base)), symbol.add);
  }
  if (symbol.len_value != kNone) out += fmt::format(" length {}", value_text(graph, symbol.len_value));
  return out + (symbol.device_only ? " on the device only" : "");
}

const char* role_name(Role role) {
  switch (role) {
    case Role::kActivation:
      return "activation";
    case Role::kWeight:
      return "weight";
    case Role::kKv:
      return "kv";
    case Role::kParam:
      return "param";
  }
  return "";
}

}  // namespace

std::string value_text(const Graph& graph, ValueId id) {
  if (id == kNone) return "_";
  const std::string& name = graph.value(id).name;
  return name.empty() ? fmt::format("%{}", id) : fmt::format("%{}", clean(name));
}

std::string type_text(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return clean(fmt::format("{}{}", dtype_name(value.dtype), dims_text(graph, value.dims)));
}

std::string node_text(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::string results, operands;
  for (const ValueId out : node.out) {
    results += fmt::format("{}{} : {}", results.empty() ? "" : ", ", value_text(graph, out), type_text(graph, out));
    if (graph.value(out).updates != kNone)
      results += fmt::format(" updates {}", value_text(graph, graph.value(out).updates));
  }
  for (const ValueId in : node.in) operands += (operands.empty() ? "" : ", ") + value_text(graph, in);
  const std::string op = node.op->version == 1 ? std::string(node.op->name) : node.op->full_name();
  return fmt::format("{} = {}({}){}{}", results, op, operands, attrs_text(graph, node),
                     node.scope.empty() ? std::string() : fmt::format("  # {}", clean(node.scope)));
}

std::string print(const Graph& graph) {
  std::string out = fmt::format("graph {}\n", clean(graph.name));
  for (const Symbol& symbol : graph.symbols) out += symbol_text(graph, symbol) + "\n";
  for (const ValueId id : graph.inputs) {
    out +=
        fmt::format("input {} : {} {}\n", value_text(graph, id), type_text(graph, id), role_name(graph.value(id).role));
  }
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (graph.values[i].role != Role::kWeight) continue;
    out += fmt::format("weight {} : {}\n", value_text(graph, id), type_text(graph, id));
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) out += node_text(graph, static_cast<NodeId>(i)) + "\n";
  for (const ValueId id : graph.outputs) out += fmt::format("output {}\n", value_text(graph, id));
  return out;
}

}  // namespace bp
