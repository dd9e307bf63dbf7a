// The launch list of a program, and native graphs of it.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "compile/program.h"
#include "compile/program_step.h"

namespace bp {
namespace {

constexpr uint32_t kLeastLaunches = 2;  // a graph of one launch gains nothing

}  // namespace

void Program::make_list(bool capture) {
  list_.clear();
  segments_.clear();
  captures_ = false;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (step.kind == Step::Kind::kView) continue;
    const bool can_capture =
        capture && step.capture_safe && std::ranges::all_of(step.symbols, [&](SymbolId id) { return has_length(id); });
    if (segments_.empty() || segments_.back().can_capture != can_capture) {
      const auto begin = static_cast<uint32_t>(list_.size());
      segments_.push_back({begin, begin, can_capture, std::nullopt});
    }
    list_.push_back(static_cast<uint32_t>(i));
    ++segments_.back().end;
  }
  for (Segment& segment : segments_) {
    segment.can_capture = segment.can_capture && segment.end - segment.begin >= kLeastLaunches;
    captures_ = captures_ || segment.can_capture;
  }
}

// Whether kernels can learn the true size on the device.
bool Program::has_length(SymbolId id) const {
  const Symbol& symbol = graph_.symbols[static_cast<size_t>(id)];
  if (symbol.len_value != kNone || (symbol.min == symbol.max && !symbol.device_only)) return true;
  return symbol.base != kNone && has_length(symbol.base);
}

int Program::n_graphs() const {
  return static_cast<int>(
      std::ranges::count_if(segments_, [](const Segment& segment) { return segment.graph.has_value(); }));
}

void Program::record_all(uint64_t step_number) {
  is_recorded_ = true;
  for (Segment& segment : segments_) {
    if (!segment.can_capture) continue;
    if (auto recorded = record(segment, step_number); !recorded.has_value()) return stop_capturing(recorded.error());
  }
  log::debug("{}: {} native graphs made of {} launches, which keep {} bytes", graph_.name, n_graphs(), n_launches_,
             memory_.graph_bytes);
}

Status Program::record(Segment& segment, uint64_t step_number) {
  BP_TRY(GraphRecording recording, GraphRecording::begin(*device_, *queue_));
  for (uint32_t i = segment.begin; i < segment.end; ++i) {
    Step& step = steps_[list_[i]];
    for (size_t k = 0; k < step.symbols.size(); ++k) {
      step.dyn[k] = graph_.symbols[static_cast<size_t>(step.symbols[k])].max;
    }
    BP_TRY_VOID(step.bound->launch(*queue_, step.dyn, tag_of(step_number, list_[i])));
  }
  BP_TRY(segment.graph, recording.end());
  memory_.graph_bytes += segment.graph->size_bytes();
  return {};
}

Status Program::run_segment(Segment& segment, uint64_t step_number) {
  if (segment.graph) {
    FaultSite site;
    log::trace("step {}: launches {} to {} as a graph", step_number, list_[segment.begin], list_[segment.end - 1]);
    auto launched = segment.graph->launch(*queue_, tag_of(step_number, list_[segment.begin]), site);
    if (launched.has_value()) return {};
    if (site.scope != BP_SCOPE_CALL || device_->fault().lost()) return launched;
    stop_capturing(launched.error());
  }
  for (uint32_t i = segment.begin; i < segment.end; ++i) BP_TRY_VOID(run_step(list_[i], step_number));
  return {};
}

void Program::stop_capturing(const Error& why) {
  log::warn("{}: {}; its launches are enqueued one by one", graph_.name, why.message());
  // Graphs may be in flight.
  if (n_graphs() > 0 && !device_->fault().lost()) static_cast<void>(queue_->sync());
  for (Segment& segment : segments_) segment.graph.reset();
  memory_.graph_bytes = 0;
}

Error Program::explain_fault(Error error) {
  // The error of a single launch names its node.
  if (device_ == nullptr || error.code != ErrorCode::kDevice || error.where.find(" node ") != std::string::npos)
    return error;
  const FaultSite site = device_->fault().last_site();
  if (device_->fault().lost()) {
    if (n_graphs() > 0) {
      error.what += fmt::format(", in a step of {} native graphs", n_graphs());
      error.fix += "; set engine.capture = \"off\" to learn which launch it is";
    } else if (strict_ == nullptr && site.launch_tag == 0) {
      error.fix += "; set engine.strict = true to learn which launch it is";
    }
    return error;
  }
  if (n_graphs() == 0 && site.scope != BP_SCOPE_QUEUE) return error;
  auto queue = device_->create_queue({.blame = true});
  if (!queue.has_value()) return error;
  for (const Segment& segment : segments_) {
    if (n_graphs() > 0 && !segment.graph) continue;
    for (uint32_t i = segment.begin; i < segment.end; ++i) {
      Step& step = steps_[list_[i]];
      if (step.kind != Step::Kind::kLaunch) continue;
      // Bounds of the queue that failed are unusable.
      auto bound = step.plan->bind(step.args, step.workspaces);
      if (!bound.has_value()) return error;
      for (size_t k = 0; k < step.symbols.size(); ++k) step.dyn[k] = sizes_[static_cast<size_t>(step.symbols[k])];
      auto status = bound->launch(*queue, step.dyn, list_[i] + uint64_t{1});
      if (status.has_value()) status = queue->sync();
      if (status.has_value()) continue;
      error.where += fmt::format(" node {}", step.name);
      error.what += fmt::format("; alone it says: {}", status.error().what);
      return error;
    }
  }
  error.what += "; run one by one, none of the launches fails";
  return error;
}

}  // namespace bp
