#include <backplane/api/program.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/program_state.h"
#include "api/raise.h"
#include "api/replay.h"
#include "api/session_state.h"
#include "graph/printer.h"

namespace bp::api {

void detail::wrong_number_of_specs(size_t n_inputs, size_t n_specs) {
  raise(ErrorCode::kUsage, "compile", fmt::format("{} specs for a function of {} tensors", n_specs, n_inputs),
        "give a TensorSpec for each");
}

namespace {

void check_size_name(const Graph& graph, const std::string& name) {
  std::vector<std::string> names;
  for (const Symbol& symbol : graph.symbols) {
    if (symbol.base == kNone) names.push_back(symbol.name);
  }
  if (std::ranges::find(names, name) != names.end()) return;
  raise(ErrorCode::kUsage, "compile", fmt::format("buckets_of names {}, which is no size of the function", name),
        names.empty() ? "it has none that is dynamic" : fmt::format("use one of: {}", fmt::join(names, ", ")));
}

}  // namespace

Program compile_function(const TracedFunction& function, const std::vector<TensorSpec>& specs,
                         const CompileOptions& options) {
  if (options.max_size < 1) raise(ErrorCode::kUsage, "compile", "max_size is below 1", "give the largest size");
  if (options.max_programs < 1) raise(ErrorCode::kUsage, "compile", "max_programs is below 1", "keep one at least");
  const auto trace =
      std::make_shared<Trace>(options.name, options.session.has_value() ? options.session->state() : nullptr);
  std::vector<Tensor> results;
  try {
    const Trace::Current current(*trace);
    results = function(unwrap(trace->add_inputs(specs, options.max_size)));
  } catch (...) {
    trace->abandon();
    throw;
  }
  TracedGraph traced = unwrap(trace->finish(results));
  for (const auto& [name, ends] : options.buckets_of) check_size_name(traced.graph, name);
  std::shared_ptr<SessionState> session = traced.session;
  if (session == nullptr) session = Session().state();
  return Program(std::make_shared<ProgramState>(std::move(traced), std::move(session), options));
}

std::vector<Tensor> Program::run(const std::vector<Tensor>& inputs) const {
  ProgramState& state = *state_;
  const std::vector<int64_t> sizes = unwrap(state.sizes_of_inputs(inputs));
  BoundGraph* bound = unwrap(state.bucket(sizes));
  std::vector<Content> contents;
  for (const Tensor& input : inputs) contents.push_back(input.state()->content);
  std::vector<Tensor> outputs;
  for (Content& content : unwrap(bound->run(contents, sizes, state.session->next_step())))
    outputs.push_back(make_tensor(state.session, std::move(content)));
  return state.results(inputs, outputs);
}

std::vector<Tensor> Program::replay(const Session& session, const std::vector<Tensor>& inputs) const {
  std::vector<Tensor> taken;
  for (const Tensor& input : inputs) taken.push_back(input.is_absent() ? input : session.take(input));
  // Checked as run() checks them, but for the session.
  std::vector<Tensor> own;
  for (const Tensor& input : taken) own.push_back(input.is_absent() ? input : Session(state_->session).take(input));
  const std::vector<int64_t> sizes = unwrap(state_->sizes_of_inputs(own));
  return state_->results(taken, unwrap(replay_nodes(state_->traced.graph, session, taken, sizes)));
}

Tensor Program::only(std::vector<Tensor> results) {
  if (results.size() != 1) {
    raise(ErrorCode::kUsage, "program", fmt::format("has {} results", results.size()), "call run() for all of them");
  }
  return std::move(results.front());
}

std::string Program::print() const { return bp::print(state_->traced.graph); }

std::vector<Program::Step> Program::steps() const {
  std::vector<Step> steps;
  for (const StepInfo& info : unwrap(state_->shown())->program().steps())
    steps.push_back({info.op, info.scope, info.kernel, info.device, info.dtype, info.shape, info.why});
  return steps;
}

std::string Program::explain() const {
  const std::vector<Step> all = steps();
  const Graph& graph = unwrap(state_->shown())->program().graph();
  std::string out = fmt::format("{} on {}", state_->options.name, state_->session->device());
  for (const Symbol& symbol : graph.symbols)
    if (symbol.base == kNone) out += fmt::format(", {} in {}..{}", symbol.name, symbol.min, symbol.max);
  out += "\n";
  for (const Step& step : all) {
    out += fmt::format("{:<16} {:<20} {:<24} {:<10} {:<6} {:<20} {}\n", step.scope, step.op, step.kernel, step.device,
                       step.dtype, step.shape, step.why);
  }
  return out;
}

std::vector<std::vector<int64_t>> Program::compiled_buckets() const {
  std::vector<std::vector<int64_t>> buckets;
  for (const auto& [largest, kept] : state_->kept) buckets.push_back(largest);
  return buckets;
}

Session Program::session() const { return Session(state_->session); }

}  // namespace bp::api
