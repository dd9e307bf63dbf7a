// Times every launch of the programs that it observes. Not thread-safe: the engine thread's.
//
// How, depends on the device. Where a launch does its work before it returns (the CPU, the reference), the host's clock
// is read around it. Where the device has timing events, a pair is recorded around each launch and read once the run is
// over. Elsewhere the queue is drained before and after each launch, which adds the way there and back to its time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "compile/program.h"
#include "compile/run_observer.h"
#include "perf/launch_work.h"
#include "plugin_host/device.h"

namespace bp {

enum class LaunchClock : uint8_t { kHost, kEvents, kDrained };

struct LaunchRecord {
  size_t at = 0;        // of program->steps()
  double start_us = 0;  // on the clock below, counted from the same moment as RunRecord's times
  double duration_us = 0;
};

// One run of one program. `program` lives as long as what runs it.
struct RunRecord {
  const Program* program = nullptr;
  std::vector<int64_t> sizes;  // by symbol
  double start_us = 0, end_us = 0;
  std::vector<LaunchRecord> launches;
  IntOperands contents;  // of operands that decide how much is read (launch_work.h), as they were in this run
};

// Microseconds from any fixed moment.
using MicrosecondClock = std::function<double()>;
MicrosecondClock steady_microseconds();

class RunRecorder : public RunObserver {
 public:
  // `device` null: the reference.
  explicit RunRecorder(Device* device, MicrosecondClock now = steady_microseconds());

  LaunchClock clock() const { return clock_; }
  double now_us() const { return now_(); }
  // The runs since the last call.
  std::vector<RunRecord> take_runs();

  Status begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) override;
  Status begin_launch(size_t at) override;
  Status end_launch(size_t at) override;
  Status end_run() override;

 private:
  // What every run of a program needs, found once.
  struct Reads {
    std::vector<StepWork> work;
    std::vector<std::vector<ValueId>> deciding;  // by step
  };
  const Reads& reads_of(const Program& program);
  Status read_contents(size_t at);
  Result<std::vector<int32_t>> read_ints(const BufferSpan& memory, size_t n) const;
  Result<Event*> event(size_t index);
  Status read_events();

  Device* device_;
  MicrosecondClock now_;
  LaunchClock clock_;
  Queue* queue_ = nullptr;
  std::map<const Program*, Reads> reads_;
  const Reads* current_ = nullptr;
  std::vector<Event> events_;  // the first marks the begin of the run, then two for each launch
  std::vector<RunRecord> runs_;
};

}  // namespace bp
