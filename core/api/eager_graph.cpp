#include "api/eager_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/builder.h"
#include "graph/opset.h"

namespace bp::api {
namespace {

bool is_absent(const Content& content) { return content.memory == nullptr && content.weight == nullptr; }

bool updates(const OpDef& op) {
  return std::ranges::any_of(op.results, [](const ResultDef& result) { return result.updates >= 0; });
}

// The first operand that is the same tensor as operand `i`; `i` itself where the op changes an operand.
size_t first_like(const EagerCall& call, size_t i) {
  if (updates(*call.op)) return i;
  for (size_t j = 0; j < i; ++j) {
    if (call.operands[j].memory == call.operands[i].memory && call.operands[j].weight == call.operands[i].weight)
      return j;
  }
  return i;
}

std::string attr_text(const bp::Attr& attr) {
  std::string out = attr.key + "=";
  const auto add = [&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) {
      out += fmt::format("{}:{}", value.size(), value);
    } else if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
      out += fmt::format("{}", value);
    } else {
      for (const auto& item : value) out += fmt::format("{},", item);
    }
  };
  std::visit(add, attr.value);
  return out;
}

}  // namespace

std::vector<size_t> inputs_of(const EagerCall& call) {
  std::vector<size_t> inputs;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    if (call.operands[i].memory != nullptr && first_like(call, i) == i) inputs.push_back(i);
  }
  return inputs;
}

std::string key_of(const EagerCall& call) {
  std::string key = call.op->full_name();
  for (const bp::Attr& attr : call.attrs) key += "|" + attr_text(attr);
  for (size_t i = 0; i < call.operands.size(); ++i) {
    const Content& operand = call.operands[i];
    key += "|" + (is_absent(operand) ? "_" : type_text(operand.dtype, operand.dims));
    if (operand.weight != nullptr) key += fmt::format("@{}", fmt::ptr(operand.weight->bytes.data()));
    key += fmt::format("#{}", first_like(call, i));
  }
  return key;
}

Result<EagerGraph> graph_of(const EagerCall& call) {
  GraphBuilder builder("eager");
  std::vector<ValueId> operands;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    const Content& operand = call.operands[i];
    const size_t like = first_like(call, i);
    if (is_absent(operand)) {
      operands.push_back(kNone);
    } else if (like != i) {
      operands.push_back(operands[like]);
    } else if (operand.weight != nullptr) {
      HostTensor tensor = *operand.weight;
      tensor.name = fmt::format("w{}.{}", i, tensor.name);
      operands.push_back(builder.weight(std::move(tensor)));
    } else {
      std::vector<Extent> dims;
      for (const int64_t dim : operand.dims) dims.push_back(Extent::fixed(dim));
      operands.push_back(builder.input(fmt::format("in{}", i), operand.dtype, std::move(dims), Role::kActivation));
    }
  }
  builder.op(call.op->name, std::move(operands), call.attrs);
  const std::vector<ValueId> results = builder.results();
  for (size_t i = 0; i < results.size(); ++i) builder.output(results[i], fmt::format("out{}", i));
  BP_TRY(Graph graph, builder.finish());
  return EagerGraph{std::move(graph), inputs_of(call)};
}

}  // namespace bp::api
