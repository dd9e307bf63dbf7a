#include "api/program_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/session_state.h"
#include "graph/extent.h"

namespace bp::api {
namespace {

// The largest size of each bucket up to `most`: those that were asked for, or the powers of two.
std::vector<int64_t> bucket_ends(const std::vector<int64_t>& wanted, int64_t most) {
  std::vector<int64_t> ends = wanted;
  if (ends.empty()) {
    for (int64_t end = 1; end < most; end *= 2) ends.push_back(end);
  }
  std::erase_if(ends, [&](int64_t end) { return end < 1 || end >= most; });
  ends.push_back(most);
  std::ranges::sort(ends);
  ends.erase(std::ranges::unique(ends).begin(), ends.end());
  return ends;
}

}  // namespace

ProgramState::ProgramState(TracedGraph from, std::shared_ptr<SessionState> on, CompileOptions how)
    : session(std::move(on)), options(std::move(how)), traced(std::move(from)), memory(session->pool()) {
  options.session.reset();
  for (const Symbol& symbol : traced.graph.symbols) {
    if (symbol.base != kNone) {
      ends.emplace_back();
      continue;
    }
    const auto own = options.buckets_of.find(symbol.name);
    ends.push_back(bucket_ends(own == options.buckets_of.end() ? options.buckets : own->second, symbol.max));
  }
}

Result<std::vector<int64_t>> ProgramState::sizes_of_inputs(const std::vector<Tensor>& inputs) const {
  const Graph& graph = traced.graph;
  if (inputs.size() != graph.inputs.size()) {
    return fail(bp::ErrorCode::kUsage, options.name,
                fmt::format("{} inputs are given, it takes {}", inputs.size(), graph.inputs.size()));
  }
  std::vector<int64_t> sizes(graph.symbols.size(), -1);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    const std::string where = fmt::format("{}: input {}", options.name, value.name);
    if (inputs[i].is_absent()) return fail(bp::ErrorCode::kUsage, where, "is absent");
    if (inputs[i].is_traced()) {
      return fail(bp::ErrorCode::kUsage, where, "is a tensor of a function being traced",
                  "call the function itself there, not what was compiled of it");
    }
    const Content& content = inputs[i].state()->content;
    const std::string wanted = std::string(dtype_name(value.dtype)) + bp::dims_text(graph, value.dims);
    const auto mismatch = [&](std::string why) {
      return fail(bp::ErrorCode::kUsage, where, fmt::format("{}, {}", inputs[i].type_text(), why),
                  fmt::format("give a {}", wanted));
    };
    if (inputs[i].state()->session != session && content.weight == nullptr) {
      return fail(bp::ErrorCode::kUsage, where,
                  fmt::format("lies on {} in another session than the program's on {}",
                              inputs[i].state()->session->device(), session->device()),
                  "move it by Session::take()");
    }
    if (content.dtype != value.dtype) return mismatch("has another dtype");
    if (content.dims.size() != value.dims.size()) return mismatch("has another rank");
    for (size_t d = 0; d < value.dims.size(); ++d) {
      const Extent& extent = value.dims[d];
      const int64_t size = content.dims[d];
      if (extent.is_static()) {
        if (size != extent.value) return mismatch(fmt::format("differs in axis {}", d));
        continue;
      }
      const Affine of = affine(graph, extent).value();  // verified with the graph
      const Symbol& symbol = graph.symbols[static_cast<size_t>(of.base)];
      int64_t& known = sizes[static_cast<size_t>(of.base)];
      const int64_t base = (size - of.add) / of.mul;
      if (base < 0 || base * of.mul + of.add != size)
        return mismatch(fmt::format("has {}, which is not {}", size, extent_text(graph, extent)));
      if (known >= 0 && known != base)
        return mismatch(fmt::format("has {} where {} is {} already", size, symbol.name, known));
      if (base > symbol.max)
        return mismatch(fmt::format("has {} where {} is at most {}", size, symbol.name, symbol.max));
      known = base;
    }
  }
  return sizes;
}

void ProgramState::set_bucket(Graph& graph, std::span<const int64_t> largest) const {
  size_t next = 0;
  for (size_t i = 0; i < graph.symbols.size(); ++i) {
    Symbol& symbol = graph.symbols[i];
    if (symbol.base != kNone) {  // declared after its base
      const Symbol& base = graph.symbols[static_cast<size_t>(symbol.base)];
      symbol.min = symbol.mul * base.min + symbol.add;
      symbol.max = symbol.mul * base.max + symbol.add;
      continue;
    }
    symbol.max = largest[next++];
    const auto end = std::ranges::find(ends[i], symbol.max);
    symbol.min = options.deterministic || end == ends[i].begin() ? 0 : *std::prev(end) + 1;
  }
}

Result<BoundGraph*> ProgramState::bucket(std::span<const int64_t> sizes) {
  std::vector<int64_t> largest;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!ends[i].empty()) largest.push_back(*std::ranges::lower_bound(ends[i], sizes[i]));
  }
  const auto found = kept.find(largest);
  if (found != kept.end()) {
    found->second.last_used = ++n_uses;
    last = found->second.bound.get();
    return last;
  }
  Graph graph = traced.graph;
  set_bucket(graph, largest);
  BP_TRY(auto bound, session->compile(memory, std::move(graph), options.optimize));
  if (kept.size() >= static_cast<size_t>(options.max_programs)) {
    const auto oldest = std::ranges::min_element(kept, {}, [](const auto& entry) { return entry.second.last_used; });
    kept.erase(oldest);
  }
  last = bound.get();
  kept[std::move(largest)] = {std::move(bound), ++n_uses};
  return last;
}

Result<BoundGraph*> ProgramState::shown() {
  if (last != nullptr) return last;
  std::vector<int64_t> sizes;
  for (const std::vector<int64_t>& of_symbol : ends) sizes.push_back(of_symbol.empty() ? 0 : of_symbol.back());
  return bucket(sizes);
}

std::vector<Tensor> ProgramState::results(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) const {
  std::vector<Tensor> tensors;
  for (const TracedResult& result : traced.results) {
    switch (result.kind) {
      case TracedResult::Kind::kOutput:
        tensors.push_back(outputs[result.index]);
        break;
      case TracedResult::Kind::kInput:
        tensors.push_back(inputs[result.index]);
        break;
      case TracedResult::Kind::kConstant:
        tensors.push_back(result.constant);
        break;
    }
  }
  return tensors;
}

}  // namespace bp::api
