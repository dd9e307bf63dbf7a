#include "perf/run_recorder.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace bp {
namespace {

LaunchClock clock_of(const Device* device) {
  if (device == nullptr || device->inline_launch()) return LaunchClock::kHost;
  return device->has_events() && device->api().event_elapsed != nullptr ? LaunchClock::kEvents : LaunchClock::kDrained;
}

}  // namespace

MicrosecondClock steady_microseconds() {
  return [] {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
}

RunRecorder::RunRecorder(Device* device, MicrosecondClock now)
    : device_(device), now_(std::move(now)), clock_(clock_of(device)) {}

std::vector<RunRecord> RunRecorder::take_runs() { return std::exchange(runs_, {}); }

const RunRecorder::Reads& RunRecorder::reads_of(const Program& program) {
  const auto [found, is_new] = reads_.try_emplace(&program);
  if (is_new) {
    for (size_t at = 0; at < program.steps().size(); ++at) {
      found->second.work.push_back(program.work(at));
      found->second.deciding.push_back(deciding_operands(program.graph(), found->second.work.back()));
    }
  }
  return found->second;
}

Status RunRecorder::begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) {
  queue_ = queue;
  current_ = &reads_of(program);
  if (clock_ != LaunchClock::kHost) BP_TRY_VOID(queue_->sync());
  if (clock_ == LaunchClock::kEvents) {
    BP_TRY(Event * first, event(0));
    BP_TRY_VOID(queue_->record(*first));
  }
  RunRecord& run = runs_.emplace_back();
  run.program = &program;
  run.sizes.assign(sizes.begin(), sizes.end());
  run.launches.reserve(program.steps().size());
  run.start_us = now_();
  return {};
}

Status RunRecorder::begin_launch(size_t at) {
  RunRecord& run = runs_.back();
  run.launches.push_back({at, 0, 0});
  if (clock_ == LaunchClock::kEvents) {
    BP_TRY(Event * begin, event(2 * run.launches.size() - 1));
    return queue_->record(*begin);
  }
  if (clock_ == LaunchClock::kDrained) BP_TRY_VOID(queue_->sync());
  run.launches.back().start_us = now_();
  return {};
}

Status RunRecorder::end_launch(size_t at) {
  RunRecord& run = runs_.back();
  if (clock_ == LaunchClock::kEvents) {
    BP_TRY(Event * end, event(2 * run.launches.size()));
    BP_TRY_VOID(queue_->record(*end));
    return read_contents(at);
  }
  if (clock_ == LaunchClock::kDrained) BP_TRY_VOID(queue_->sync());
  LaunchRecord& launch = run.launches.back();
  launch.duration_us = now_() - launch.start_us;
  return read_contents(at);
}

Status RunRecorder::end_run() {
  if (clock_ != LaunchClock::kHost) BP_TRY_VOID(queue_->sync());
  runs_.back().end_us = now_();
  return clock_ == LaunchClock::kEvents ? read_events() : Status{};
}

// Pairs of events: the time between is the launch's, the distance from the first event its place in the run.
Status RunRecorder::read_events() {
  RunRecord& run = runs_.back();
  for (size_t i = 0; i < run.launches.size(); ++i) {
    const Event &begin = events_[2 * i + 1], &end = events_[2 * i + 2];
    BP_TRY(const double start_us, begin.elapsed_us_since(events_.front()));
    BP_TRY(run.launches[i].duration_us, end.elapsed_us_since(begin));
    run.launches[i].start_us = run.start_us + start_us;
  }
  return {};
}

Result<Event*> RunRecorder::event(size_t index) {
  while (events_.size() <= index) {
    BP_TRY(Event made, device_->create_event(/*timing=*/true));
    events_.push_back(std::move(made));
  }
  return &events_[index];
}

Status RunRecorder::read_contents(size_t at) {
  RunRecord& run = runs_.back();
  for (const ValueId id : current_->deciding[at]) {
    if (run.contents.contains(id)) continue;
    const auto& operands = current_->work[at].operands;
    const auto operand = std::ranges::find(operands, id, &StepWork::Operand::value);
    const auto n = static_cast<uint64_t>(elements_at(run.program->graph().value(id), run.sizes));
    BP_TRY(run.contents[id],
           read_ints(operand->memory, std::min<uint64_t>(n, operand->memory.size_bytes / sizeof(int32_t))));
  }
  return {};
}

Result<std::vector<int32_t>> RunRecorder::read_ints(const BufferSpan& memory, size_t n) const {
  std::vector<int32_t> ints(n);
  if (n == 0) return ints;
  if (memory.host() != nullptr) {
    if (queue_ != nullptr && clock_ != LaunchClock::kHost) BP_TRY_VOID(queue_->sync());
    std::memcpy(ints.data(), memory.host(), n * sizeof(int32_t));
    return ints;
  }
  BP_TRY_VOID(
      queue_->read(memory.buffer->span(memory.offset, n * sizeof(int32_t)), std::as_writable_bytes(std::span(ints))));
  return ints;
}

}  // namespace bp
