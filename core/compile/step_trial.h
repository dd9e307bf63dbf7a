// Configurations of a program's kernels, tried where they work: the program runs again and again on the inputs that it
// ran with last, with other plans in the places of its own. Not thread-safe; the program outlives it. Invariant:
// between calls the program has its own plans.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "compile/config_space.h"
#include "compile/kernel_trial.h"
#include "compile/launch_timer.h"
#include "compile/program.h"

namespace bp {

// Runs the program once more with the same inputs, told of its launches, and gives the same results: what it changes in
// place (KV pages) it writes again. It may first bring the program to a step of another size.
using RunAgain = std::function<Status(RunObserver*)>;

class StepTrial {
 public:
  // A configuration at some places, ready to run there. Bounds go before their plan.
  struct Variant {
    std::vector<size_t> places;
    std::vector<std::unique_ptr<Buffer>> workspaces;  // that must not be shared
    Plan plan;
    std::vector<std::optional<Bound>> bounds;  // by place
  };
  struct Times {
    double run_us = 0;
    int64_t n_tokens = 0;           // the symbol of that name; 0: the program has none
    std::vector<double> launch_us;  // by place of the program; 0 where nothing is launched
    double of(std::span<const size_t> places) const;
  };

  explicit StepTrial(Program& program);

  Program& program() const { return program_; }
  Device& device() const;
  const bp_kernel& kernel(size_t place) const;
  // Plans the kernel of `places`, which has one problem at all of them, with this configuration, and binds it to the
  // program's own memory, with other workspace than the program has.
  Result<std::unique_ptr<Variant>> prepare(std::span<const size_t> places, const KernelConfig& config);
  // One run with the variants in their places; null: none. REQUIRES: no two have a place in common.
  Result<Times> time(std::span<Variant* const> variants, const RunAgain& run);
  // What the launches at the variants' first places give in a run with all of them: of each, one result behind the
  // other, as much as the sizes of the run have. Errors: kUnsupported where one gives nothing but changes in place.
  Result<std::vector<std::vector<std::byte>>> results(std::span<Variant* const> variants, const RunAgain& run);
  // As KernelTrial has them, for what results() gives of `place`.
  double difference(size_t place, std::span<const std::byte> got, std::span<const std::byte> want) const;
  double tolerance(size_t place) const;

 private:
  class Reader;
  class Exchange;
  // The scratch at this place of a plan's list: one for all variants, whose launches never run at the same time.
  Result<bp_span> scratch(size_t index, uint64_t n_bytes);

  Program& program_;
  std::vector<std::vector<std::unique_ptr<Buffer>>> scratch_;  // by index; the last is the largest
  LaunchTimer timer_;
};

}  // namespace bp
