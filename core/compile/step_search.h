// Which of some configurations a program's step gains from: all problems of the program are compared at once, each run
// with one configuration of every problem, runs with the defaults in between, so that a machine that slows down slows
// both. What is kept must gain in its own launches, and all that is kept together must not make the step slower. Not
// thread-safe; what it is given outlives it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compile/config_space.h"
#include "compile/step_trial.h"
#include "compile/tuned_kernel.h"
#include "compile/tuning.h"
#include "compile/tuning_journal.h"

namespace bp {

class StepSearch {
 public:
  // A kernel's problem, and what may be faster than its default there.
  struct Problem {
    std::vector<size_t> places;         // of the program
    std::vector<KernelConfig> configs;  // without the default
    bool is_screened = false;           // they are known to run, and to give the right numbers
    TunedKernel* report = nullptr;
    KernelConfig kept{};  // the answer; empty: the default
  };

  StepSearch(StepTrial& trial, Tuning& tuning, TuningJournal& journal, const TunerOptions& options)
      : trial_(trial), tuning_(tuning), journal_(journal), options_(options) {}

  // `runs`: one for each size of step, that which counts most first. Times in the report of step and problems are the
  // first one's. Errors: those of the runs, kDevice where the device is lost, kInterrupted, and the journal's.
  Result<TunedStep> run(std::span<Problem> problems, std::span<const RunAgain> runs);

 private:
  using Variant = StepTrial::Variant;
  struct Candidate {
    KernelConfig config;
    std::unique_ptr<Variant> variant;
    bool has_failed = false;
    std::vector<double> ratios;                 // of the size at hand
    double first_ratio = 1, first_default = 0;  // of the first size
    double sum = 0;                             // of the medians of ratios, size after size
    size_t n_faster = 0, n_ratios = 0;
    double ratio() const;
  };
  // Of one problem.
  struct Contest {
    Problem* problem = nullptr;
    std::unique_ptr<Variant> plain;  // the default, with workspace of its own as the others have
    std::vector<double> default_us;
    std::vector<Candidate> candidates;
    const Candidate* winner = nullptr;
  };

  Status enter(Problem& problem, const RunAgain& run);
  // Adds a candidate, unless it killed a process before, cannot run, or gives other numbers than `want`, the default's;
  // null: its numbers are known to be right.
  Status admit(Contest& contest, const KernelConfig& config, const std::vector<std::byte>* want, const RunAgain& run);
  Result<bool> is_right(const Contest& contest, Candidate& candidate, const std::vector<std::byte>* want,
                        const RunAgain& run);
  // Held against those of the default.
  bool has_right_numbers(const Problem& problem, const KernelConfig& config, std::span<const std::byte> got,
                         std::span<const std::byte> want);
  Status try_all(const RunAgain& run);
  Status screen(const RunAgain& run);
  // A candidate of the best value of each tunable, where several gained.
  Status combine(const RunAgain& run);
  KernelConfig best_of_each(const Contest& contest) const;
  Status compare(const RunAgain& run, int n_rounds);
  // With what `candidate_of` gives for each problem; null: the default.
  template <class F>
  Result<StepTrial::Times> time_with(const RunAgain& run, F candidate_of);
  // With the default, or the candidate at this index where a problem has so many.
  Result<StepTrial::Times> time(const RunAgain& run, std::optional<size_t> index);
  Result<StepTrial::Times> time_kept(const RunAgain& run, bool is_kept);
  Status round(const RunAgain& run, size_t n_between);
  int n_rounds(size_t runs_each) const;
  static void note_default(const Contest& contest, double us_of_all);
  void end_size(bool is_first);
  void choose(size_t n_sizes);
  Result<TunedStep> confirm(std::span<const RunAgain> runs);
  Status check_stop() const;
  const bp_kernel& kernel_of(const Contest& contest) const;
  // In the journal.
  std::string name_of(const Contest& contest, const KernelConfig& config) const;
  size_t most_candidates() const;

  StepTrial& trial_;
  Tuning& tuning_;
  TuningJournal& journal_;
  const TunerOptions& options_;
  std::vector<Contest> contests_;
  double run_us_ = 0;     // of a run with the defaults
  int64_t n_tokens_ = 0;  // of the first size
};

}  // namespace bp
