// Times every launch of the programs that it observes. Not thread-safe: the thread's that runs them.
//
// How, depends on the device. Where a launch does its work before it returns (the CPU, the reference), the host's clock
// is read around it. Where the device has timing events, a pair is recorded around each launch and read once the run is
// over. Elsewhere the queue is drained before and after each launch, which adds the way there and back to its time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "compile/run_observer.h"
#include "plugin_host/device.h"

namespace bp {

enum class LaunchClock : uint8_t { kHost, kEvents, kDrained };

struct LaunchRecord {
  size_t at = 0;        // of program->steps()
  double start_us = 0;  // on the clock below, counted from the same moment as the run's times
  double duration_us = 0;
};

// One run of one program. `program` lives as long as what runs it.
struct TimedRun {
  const Program* program = nullptr;
  std::vector<int64_t> sizes;  // by symbol
  double start_us = 0, end_us = 0;
  std::vector<LaunchRecord> launches;
};

// Microseconds from any fixed moment.
using MicrosecondClock = std::function<double()>;
MicrosecondClock steady_microseconds();

class LaunchTimer : public RunObserver {
 public:
  // `device` null: the reference.
  explicit LaunchTimer(Device* device, MicrosecondClock now = steady_microseconds());

  LaunchClock clock() const { return clock_; }
  double now_us() const { return now_(); }
  // The runs since the last call.
  std::vector<TimedRun> take_runs();

  Status begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) override;
  Status begin_launch(size_t at) override;
  Status end_launch(size_t at) override;
  Status end_run() override;

 private:
  Result<Event*> event(size_t index);
  Status read_events();

  Device* device_;
  MicrosecondClock now_;
  LaunchClock clock_;
  Queue* queue_ = nullptr;
  std::vector<Event> events_;  // the first marks the begin of the run, then two for each launch
  std::vector<TimedRun> runs_;
};

}  // namespace bp
