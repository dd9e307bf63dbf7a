#include "compile/program.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "compile/program_step.h"
#include "compile/strict_check.h"
#include "graph/extent.h"
#include "graph/opset.h"
#include "reference/reference.h"

namespace bp {

Result<const Buffer*> Arena::reserve(uint64_t size_bytes, uint64_t activation_bytes) {
  for (const auto& slab : slabs_) {
    if (slab->size_bytes() >= size_bytes) return slab.get();
  }
  BP_TRY(Buffer slab, source_.create(size_bytes, "activations"));
  scratch_bytes_ += size_bytes - std::min(size_bytes, activation_bytes);
  slabs_.push_back(std::make_unique<Buffer>(std::move(slab)));
  return slabs_.back().get();
}

uint64_t Arena::size_bytes() const {
  uint64_t total = 0;
  for (const auto& slab : slabs_) total += slab->size_bytes();
  return total;
}

Program::Program() = default;
Program::~Program() = default;

Status Program::run(std::span<const int64_t> sizes, uint64_t step_number, RunObserver* observer) {
  resolve_sizes(sizes);
  if (observer != nullptr || strict_ != nullptr) return run_watched(step_number, observer);
  // What plugins set up in their first launch happens outside of a capture.
  if (captures_ && !is_recorded_ && n_runs_ > 0) record_all(step_number);
  ++n_runs_;
  for (Segment& segment : segments_) BP_TRY_VOID(run_segment(segment, step_number));
  return {};
}

void Program::resolve_sizes(std::span<const int64_t> sizes) {
  sizes_.assign(sizes.begin(), sizes.end());
  for (size_t i = 0; i < graph_.symbols.size(); ++i) {
    const Symbol& symbol = graph_.symbols[i];
    if (symbol.base != kNone) sizes_[i] = symbol.mul * sizes_[static_cast<size_t>(symbol.base)] + symbol.add;
    BP_CHECK(sizes_[i] >= symbol.min && sizes_[i] <= symbol.max, "{} = {} in [{}, {}]", symbol.name, sizes_[i],
             symbol.min, symbol.max);
  }
}

Status Program::run_step(uint32_t at, uint64_t step_number) {
  if (log::enabled(log::Level::kTrace)) {
    const StepInfo& info = infos_[at];
    log::trace("step {}: launch {}: {} {} on {} ({})", step_number, at, info.op, info.scope, info.device, info.kernel);
  }
  Step& step = steps_[at];
  return step.kind == Step::Kind::kLaunch ? launch(step, tag_of(step_number, at)) : run_on_reference(step);
}

Status Program::launch(Step& step, uint64_t tag) {
  for (size_t i = 0; i < step.symbols.size(); ++i) step.dyn[i] = sizes_[static_cast<size_t>(step.symbols[i])];
  FaultSite site;
  auto status = step.bound->launch(*queue_, step.dyn, tag, &site);
  if (status.has_value()) return {};
  // The fault of an earlier launch, maybe of an earlier step's, is not this one's.
  const std::string name = launch_name(site.scope == BP_SCOPE_CALL ? tag : site.launch_tag);
  if (!name.empty()) status.error().where += " node " + name;
  return status;
}

// Step, program and place: 40, 8 and 16 bits.
uint64_t Program::tag_of(uint64_t step_number, uint32_t at) const {
  return step_number << 24 | uint64_t{number_} << 16 | at;
}

std::string Program::launch_name(uint64_t tag) const {
  const size_t at = tag & 0xffff;
  if (tag == 0 || (tag >> 16 & 0xff) != number_ || at >= steps_.size()) return {};
  const bool in_graph = std::ranges::any_of(segments_, [&](const Segment& segment) {
    return segment.graph && at >= list_[segment.begin] && at <= list_[segment.end - 1];
  });
  return in_graph ? std::string() : steps_[at].name;
}

Status Program::run_on_reference(Step& step) {
  if (queue_ != nullptr) BP_TRY_VOID(queue_->sync());
  // Operands out of the host's reach are copied to it and, where they are results, back.
  std::vector<std::vector<std::byte>> staged(step.operands.size());
  std::vector<RefTensor> tensors(step.operands.size());
  for (size_t i = 0; i < step.operands.size(); ++i) {
    const auto& operand = step.operands[i];
    if (operand.value == kNone) continue;
    const Value& value = graph_.value(operand.value);
    tensors[i].dtype = value.dtype;
    for (const Extent& extent : value.dims) tensors[i].dims.push_back(size_of(extent, sizes_));
    tensors[i].data = operand.memory.host();
    if (tensors[i].data != nullptr || operand.memory.size_bytes == 0) continue;
    staged[i].resize(operand.memory.size_bytes);
    tensors[i].data = staged[i].data();
    const bp_span host{nullptr, staged[i].data(), 0, operand.memory.size_bytes};
    const bp_span device = operand.memory.span();
    if (queue_ != nullptr) BP_TRY_VOID(queue_->copy({&host, 1}, {&device, 1}));
  }
  if (queue_ != nullptr) BP_TRY_VOID(queue_->sync());
  const std::span<RefTensor> all(tensors);
  auto status = run_reference(*step.node->op, step.node->attrs, all.first(step.n_in), all.subspan(step.n_in));
  if (!status.has_value()) {
    status.error().where = fmt::format("reference node {}: {}", step.name, status.error().where);
    return status;
  }
  for (size_t i = step.n_in; i < staged.size(); ++i) {
    if (staged[i].empty()) continue;
    BP_TRY_VOID(queue_->write(step.operands[i].memory.span(), staged[i]));
  }
  return {};
}

const bp_kernel* Program::kernel_at(size_t at) const {
  BP_CHECK(at < steps_.size(), "step {} of {}", at, steps_.size());
  return steps_[at].kernel;
}

std::vector<std::string> Program::fallback_ops() const {
  std::vector<std::string> ops;
  if (device_ == nullptr) return ops;
  for (const StepInfo& info : infos_) {
    if (info.kernel == "reference" && std::ranges::find(ops, info.op) == ops.end()) ops.push_back(info.op);
  }
  return ops;
}

}  // namespace bp
