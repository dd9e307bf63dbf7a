// Finds the fastest configuration of each kernel of a model's programs: times it on the device, checks its numbers,
// keeps the winner. Where the programs can be run again, in whole steps (step_search.h), once each configuration has
// given the right numbers; elsewhere each kernel by itself (kernel_search.h), if inputs can be made for it. Each
// configuration is written to a journal before it is tried, so that one that kills the process is skipped by the next.
// Not thread-safe; programs and tuning outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compile/kernel_trial.h"
#include "compile/program.h"
#include "compile/step_search.h"
#include "compile/tuned_kernel.h"
#include "compile/tuning.h"
#include "compile/tuning_journal.h"

namespace bp {

struct TunerReport {
  std::vector<TunedKernel> kernels;
  std::vector<TunedStep> steps;  // of the programs that were run again
};

class Tuner {
 public:
  // Errors: kFailed where the journal cannot be written or another process tunes this device.
  static Result<std::unique_ptr<Tuner>> create(Tuning& tuning, TunerOptions options);

  // Takes in the kernels of a program that have tunables, each distinct problem once. `runs`: how it is run again, one
  // for each size of step, the bucket's largest first; none: kernels are timed by themselves.
  void add(Program& program, std::vector<RunAgain> runs = {});
  // Tunes them all. Results are in the cache, and in its file, as soon as each program is done. Errors: kDevice where
  // the device is lost.
  Result<TunerReport> run();

 private:
  struct Problem {
    std::vector<size_t> places;
    TunedKernel report;
  };
  struct Task {
    Program* program = nullptr;
    std::vector<RunAgain> runs;
    std::vector<Problem> problems;
  };
  Tuner(Tuning& tuning, TunerOptions options, TuningJournal journal)
      : tuning_(tuning), options_(std::move(options)), journal_(std::move(journal)) {}
  Status tell_progress();
  // What may be faster than the default, for a comparison in steps; else the answer is kept.
  Result<StepSearch::Problem> search(Task& task, Problem& problem);
  Status compare(Task& task, std::vector<StepSearch::Problem>& problems, TunerReport& report);
  void keep(const bp_kernel& kernel, TunedKernel& report, const KernelConfig& config);

  Tuning& tuning_;
  TunerOptions options_;
  TuningJournal journal_;
  std::vector<Task> tasks_;
  size_t n_done_ = 0, n_all_ = 0;  // problems and comparisons
};

}  // namespace bp
