#include "compile/launch_timer.h"

#include <chrono>
#include <utility>

#include "compile/program.h"

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

LaunchTimer::LaunchTimer(Device* device, MicrosecondClock now)
    : device_(device), now_(std::move(now)), clock_(clock_of(device)) {}

std::vector<TimedRun> LaunchTimer::take_runs() { return std::exchange(runs_, {}); }

Status LaunchTimer::begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) {
  queue_ = queue;
  if (clock_ != LaunchClock::kHost) BP_TRY_VOID(queue_->sync());
  if (clock_ == LaunchClock::kEvents) {
    BP_TRY(Event * first, event(0));
    BP_TRY_VOID(queue_->record(*first));
  }
  TimedRun& run = runs_.emplace_back();
  run.program = &program;
  run.sizes.assign(sizes.begin(), sizes.end());
  run.launches.reserve(program.steps().size());
  run.start_us = now_();
  return {};
}

Status LaunchTimer::begin_launch(size_t at) {
  TimedRun& run = runs_.back();
  run.launches.push_back({at, 0, 0});
  if (clock_ == LaunchClock::kEvents) {
    BP_TRY(Event * begin, event(2 * run.launches.size() - 1));
    return queue_->record(*begin);
  }
  if (clock_ == LaunchClock::kDrained) BP_TRY_VOID(queue_->sync());
  run.launches.back().start_us = now_();
  return {};
}

Status LaunchTimer::end_launch(size_t) {
  TimedRun& run = runs_.back();
  if (clock_ == LaunchClock::kEvents) {
    BP_TRY(Event * end, event(2 * run.launches.size()));
    return queue_->record(*end);
  }
  if (clock_ == LaunchClock::kDrained) BP_TRY_VOID(queue_->sync());
  LaunchRecord& launch = run.launches.back();
  launch.duration_us = now_() - launch.start_us;
  return {};
}

Status LaunchTimer::end_run() {
  if (clock_ != LaunchClock::kHost) BP_TRY_VOID(queue_->sync());
  runs_.back().end_us = now_();
  return clock_ == LaunchClock::kEvents ? read_events() : Status{};
}

// Pairs of events: the time between is the launch's, the distance from the first event its place in the run.
Status LaunchTimer::read_events() {
  TimedRun& run = runs_.back();
  for (size_t i = 0; i < run.launches.size(); ++i) {
    const Event &begin = events_[2 * i + 1], &end = events_[2 * i + 2];
    BP_TRY(const double start_us, begin.elapsed_us_since(events_.front()));
    BP_TRY(run.launches[i].duration_us, end.elapsed_us_since(begin));
    run.launches[i].start_us = run.start_us + start_us;
  }
  return {};
}

Result<Event*> LaunchTimer::event(size_t index) {
  while (events_.size() <= index) {
    BP_TRY(Event made, device_->create_event(/*timing=*/true));
    events_.push_back(std::move(made));
  }
  return &events_[index];
}

}  // namespace bp
