#include "compile/kernel_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>

#include "compile/program_step.h"
#include "compile/reference_run.h"
#include "compile/result_check.h"
#include "compile/storage.h"
#include "compile/tuning.h"
#include "graph/extent.h"
#include "graph/opset.h"
#include "quant/quant.h"

namespace bp {
namespace {

int64_t size_in(const Symbol& symbol, TrialSize size) {
  if (size == TrialSize::kLargest) return symbol.max;
  const int64_t step = std::max<int64_t>(symbol.multiple_of, 1);
  const int64_t least = size == TrialSize::kFew ? 2 : symbol.max / 2;
  const int64_t wanted = (std::max<int64_t>({symbol.min, least, 1}) + step - 1) / step * step;
  return std::min(wanted, symbol.max);
}

}  // namespace

std::vector<KernelProblem> kernel_problems(const Program& program) {
  std::vector<KernelProblem> problems;
  std::map<std::pair<std::string, std::string>, size_t> known;
  for (size_t i = 0; i < program.steps_.size(); ++i) {
    const Program::Step& step = program.steps_[i];
    if (step.kind != Program::Step::Kind::kLaunch) continue;
    const std::string text = tuning_problem(program.graph_, step.match, step.layouts);
    const auto [found, is_new] = known.emplace(std::pair{step.kernel->id, text}, problems.size());
    if (is_new) problems.push_back({step.kernel->id, text, {}});
    problems[found->second].places.push_back(i);
  }
  return problems;
}

Result<bp_span> make_workspace(const bp_ws_need& need, Device& device, Queue& queue,
                               std::vector<std::unique_ptr<Buffer>>& buffers) {
  if (need.kind == BP_WS_SYMMETRIC)
    return fail(ErrorCode::kUnsupported, device.info().id, "the kernel wants workspace that several devices share");
  BP_TRY(Buffer buffer, Buffer::create(&device, std::max<uint64_t>(need.bytes, 64), "trial workspace"));
  const bp_span span = buffer.span(0, need.bytes);
  BP_TRY_VOID(queue.write(span, std::vector<std::byte>(need.bytes)));
  buffers.push_back(std::make_unique<Buffer>(std::move(buffer)));
  return span;
}

Result<std::unique_ptr<KernelTrial>> KernelTrial::create(const Program& program, std::vector<size_t> places) {
  std::unique_ptr<KernelTrial> trial(new KernelTrial);
  trial->program_ = &program;
  trial->places_ = std::move(places);
  const Program::Step& step = program.steps_[trial->places_.front()];
  Device& device = *program.device_;
  trial->kernel_ = step.kernel;
  trial->problem_ = tuning_problem(program.graph_, step.match, step.layouts);
  std::vector<uint32_t> layouts;
  for (const std::string& name : step.layouts) layouts.push_back(name.empty() ? 0 : device.intern(name));
  trial->region_ = std::make_unique<Region>(program.graph_, step.match, layouts,
                                            [&](std::string_view name) { return device.intern(name); });
  BP_TRY_VOID(trial->make_operands());
  trial->estimate();
  return trial;
}

Device& KernelTrial::device() const { return *program_->device_; }

Status KernelTrial::make_operands() {
  const Graph& graph = program_->graph_;
  const Program::Step& step = program_->steps_[places_.front()];
  const auto refuse = [&](const Value& value, const char* why) {
    return fail(ErrorCode::kUnsupported, kernel_->id, fmt::format("{} {}", value.name, why));
  };
  for (const auto& operand : step.operands) {
    if (operand.value == kNone || buffers_.contains(operand.value)) continue;
    const Value& value = graph.value(operand.value);
    const bool made_here = std::ranges::any_of(step.match.nodes, [&](NodeId id) { return value.producer == id; });
    if (made_here && value.updates != kNone) return refuse(value, "changes what is there");
    if (value.role == Role::kKv) return refuse(value, "is of the KV cache");
    if (value.role == Role::kWeight) continue;
    if (const auto length = length_of(operand.value); length != kNone) {
      BP_TRY(Buffer buffer, Buffer::create(program_->device_, 64, "trial"));
      buffers_[operand.value] = std::make_unique<Buffer>(std::move(buffer));
      lengths_[operand.value] = length;
      continue;
    }
    if (!made_here && !is_plain_float(value.dtype)) return refuse(value, "holds indices");
    BP_TRY(const uint64_t bytes, Storage::size_bytes(graph, value));
    BP_TRY(Buffer buffer, Buffer::create(program_->device_, std::max<uint64_t>(bytes, 64), "trial"));
    auto& kept = buffers_[operand.value] = std::make_unique<Buffer>(std::move(buffer));
    if (made_here) {
      results_.push_back(operand.value);
    } else {
      BP_TRY_VOID(fill(*kept, value, inputs_[operand.value]));
    }
  }
  return program_->queue_->sync();
}

Status KernelTrial::fill(const Buffer& buffer, const Value& value, std::vector<std::byte>& host) {
  BP_TRY(const uint64_t bytes, Storage::size_bytes(program_->graph_, value));
  std::mt19937 random(static_cast<unsigned>(inputs_.size()));
  std::normal_distribution<float> normal;
  std::vector<float> values(bytes / dtype_info(value.dtype).block_bytes);
  for (float& x : values) x = normal(random);
  host.resize(bytes);
  BP_TRY_VOID(encode_row(value.dtype, values.data(), host.data(), static_cast<int64_t>(values.size())));
  return program_->queue_->write(buffer.span(0, bytes), host);
}

SymbolId KernelTrial::length_of(ValueId id) const {
  for (const SymbolId symbol : region_->symbols()) {
    if (program_->graph_.symbols[static_cast<size_t>(symbol)].len_value == id) return symbol;
  }
  return kNone;
}

// The true sizes, where kernels read them on the device.
Status KernelTrial::write_lengths(TrialSize size) const {
  const auto at = sizes(size);
  for (const auto& [value, symbol] : lengths_) {
    const auto length = static_cast<int32_t>(at[static_cast<size_t>(symbol)]);
    BP_TRY_VOID(
        program_->queue_->write(buffers_.at(value)->span(0, sizeof(length)), std::as_bytes(std::span(&length, 1))));
  }
  return {};
}

std::vector<int64_t> KernelTrial::sizes(TrialSize size) const {
  const Graph& graph = program_->graph_;
  std::vector<int64_t> sizes(graph.symbols.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Symbol& symbol = graph.symbols[i];
    sizes[i] = symbol.base == kNone ? size_in(symbol, size)
                                    : symbol.mul * sizes[static_cast<size_t>(symbol.base)] + symbol.add;
  }
  return sizes;
}

// The sum over distinct operands, and two for each multiplication of a matrix product.
void KernelTrial::estimate() {
  const Graph& graph = program_->graph_;
  const Program::Step& step = program_->steps_[places_.front()];
  std::vector<ValueId> seen;
  for (const auto& operand : step.operands) {
    if (operand.value == kNone || std::ranges::find(seen, operand.value) != seen.end()) continue;
    seen.push_back(operand.value);
    const Value& value = graph.value(operand.value);
    const auto bytes = Storage::size_bytes(graph, value);
    bytes_ += static_cast<double>(value.role == Role::kWeight ? operand.memory.size_bytes : bytes.value_or(0));
  }
  const auto at = sizes(TrialSize::kLargest);
  for (const NodeId id : step.match.nodes) {
    const Node& node = graph.node(id);
    if (!node.op->name.starts_with("matmul") || node.in.empty() || node.in[0] == kNone) continue;
    double product = 2;
    for (const Extent& dim : graph.value(node.out[0]).dims) product *= static_cast<double>(size_of(dim, at));
    const auto& x = graph.value(node.in[0]).dims;
    if (!x.empty()) flops_ += product * static_cast<double>(size_of(x.back(), at));
  }
}

Result<KernelTrial::Ready> KernelTrial::prepare(std::span<const int64_t> config) const {
  Ready ready;
  Device& device = *program_->device_;
  BP_TRY(ready.plan, device.plan(*kernel_, region_->view(), config));
  std::vector<bp_span> ws;
  for (const bp_ws_need& need : ready.plan.info().workspaces) {
    BP_TRY(const bp_span span, make_workspace(need, device, *program_->queue_, ready.workspaces));
    ws.push_back(span);
  }
  for (const size_t place : places_) {
    std::vector<bp_span> args;
    for (const auto& operand : program_->steps_[place].operands) {
      const auto& of_first = program_->steps_[places_.front()].operands[args.size()];
      if (operand.value == kNone) {
        args.push_back({});
      } else if (const auto own = buffers_.find(of_first.value); own != buffers_.end()) {
        BP_TRY(const uint64_t bytes, Storage::size_bytes(program_->graph_, program_->graph_.value(operand.value)));
        args.push_back(own->second->span(0, bytes));
      } else {
        args.push_back(operand.memory.span());
      }
    }
    BP_TRY(Bound bound, ready.plan.bind(args, ws));
    ready.bounds.push_back(std::move(bound));
  }
  return ready;
}

std::vector<int64_t> KernelTrial::launch_sizes(TrialSize size) const {
  const auto at = sizes(size);
  std::vector<int64_t> dyn;
  for (const SymbolId symbol : region_->symbols()) dyn.push_back(at[static_cast<size_t>(symbol)]);
  return dyn;
}

Status KernelTrial::launch(Bound& bound, TrialSize size) const {
  BP_TRY_VOID(write_lengths(size));
  return bound.launch(*program_->queue_, launch_sizes(size), 1);
}

Result<double> KernelTrial::time_us(Ready& ready, size_t n_launches, TrialSize size) const {
  using Clock = std::chrono::steady_clock;
  Queue& queue = *program_->queue_;
  Device& device = *program_->device_;
  const std::vector<int64_t> dyn = launch_sizes(size);
  BP_TRY_VOID(write_lengths(size));
  const auto all = [&]() -> Status {
    for (size_t i = 0; i < n_launches; ++i)
      BP_TRY_VOID(ready.bounds[i % ready.bounds.size()].launch(queue, dyn, i + 1));
    return {};
  };
  if (!device.inline_launch() && device.has_events()) {
    BP_TRY(Event begin, device.create_event(true));
    BP_TRY(Event end, device.create_event(true, true));
    BP_TRY_VOID(queue.record(begin));
    BP_TRY_VOID(all());
    BP_TRY_VOID(queue.record(end));
    BP_TRY_VOID(end.sync());
    BP_TRY(const double us, end.elapsed_us_since(begin));
    return us / static_cast<double>(n_launches);
  }
  const auto start = Clock::now();
  BP_TRY_VOID(all());
  BP_TRY_VOID(queue.sync());
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count() / static_cast<double>(n_launches);
}

Result<std::vector<std::byte>> KernelTrial::results(Ready& ready, TrialSize size) const {
  Queue& queue = *program_->queue_;
  // What a kernel fails to write is NaN, not what the last one left.
  for (const ValueId id : results_) {
    const Buffer& buffer = *buffers_.at(id);
    const std::vector<std::byte> ones(buffer.size_bytes(), std::byte{0xff});
    BP_TRY_VOID(queue.write(buffer.span(0, ones.size()), ones));
  }
  BP_TRY_VOID(launch(ready.bounds.front(), size));
  std::vector<std::byte> all;
  for (const ValueId id : results_) {
    BP_TRY(const uint64_t bytes, bytes_at(program_->graph_.value(id), sizes(size)));
    const size_t before = all.size();
    all.resize(before + bytes);
    BP_TRY_VOID(queue.read(buffers_.at(id)->span(0, bytes), std::span(all).subspan(before)));
  }
  return all;
}

Result<std::vector<std::byte>> KernelTrial::reference_results() const {
  std::map<ValueId, const std::byte*> operands;
  for (const auto& [id, bytes] : inputs_) operands[id] = bytes.data();
  const std::span<const NodeId> nodes = program_->steps_[places_.front()].match.nodes;
  BP_TRY(const auto made, run_nodes_on_reference(program_->graph_, nodes, sizes(TrialSize::kFew), operands));
  std::vector<std::byte> all;
  for (const ValueId id : results_) all.insert(all.end(), made.at(id).begin(), made.at(id).end());
  return all;
}

double KernelTrial::difference(std::span<const std::byte> got, std::span<const std::byte> want) const {
  return results_difference(program_->graph_, results_, got, want);
}

double KernelTrial::tolerance() const {
  return result_tolerance(program_->graph_, program_->steps_[places_.front()].match.slots);
}

}  // namespace bp
