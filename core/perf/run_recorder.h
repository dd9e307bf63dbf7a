// Times every launch of the programs that it observes, and keeps what decides how much each reads. Not thread-safe: the
// engine thread's.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "compile/launch_timer.h"
#include "compile/program.h"
#include "perf/launch_work.h"

namespace bp {

struct RunRecord : TimedRun {
  IntOperands contents;  // of operands that decide how much is read (launch_work.h), as they were in this run
};

class RunRecorder : public RunObserver {
 public:
  // `device` null: the reference.
  explicit RunRecorder(Device* device, MicrosecondClock now = steady_microseconds()) : timer_(device, std::move(now)) {}

  LaunchClock clock() const { return timer_.clock(); }
  double now_us() const { return timer_.now_us(); }
  // The runs since the last call.
  std::vector<RunRecord> take_runs();

  Status begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) override;
  Status begin_launch(size_t at) override { return timer_.begin_launch(at); }
  Status end_launch(size_t at) override;
  Status end_run() override { return timer_.end_run(); }

 private:
  // What every run of a program needs, found once.
  struct Reads {
    std::vector<StepWork> work;
    std::vector<std::vector<ValueId>> deciding;  // by step
  };
  const Reads& reads_of(const Program& program);
  Status read_contents(size_t at);
  Result<std::vector<int32_t>> read_ints(const BufferSpan& memory, size_t n) const;

  LaunchTimer timer_;
  const Program* program_ = nullptr;
  std::vector<int64_t> sizes_;
  Queue* queue_ = nullptr;
  std::map<const Program*, Reads> reads_;
  const Reads* current_ = nullptr;
  std::vector<IntOperands> contents_;  // of each run
};

}  // namespace bp
