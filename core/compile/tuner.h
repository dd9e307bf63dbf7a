// Finds the fastest configuration of each kernel of a model's programs: times it on the device, checks its numbers,
// keeps the winner. Configurations come from the rows' tunables: all of them where they are few, else one tunable after
// another from the best so far; or from the plugin's tune/1. Each is written to a journal before it is tried, so that
// one that kills the process is skipped by the next. Not thread-safe; programs and tuning outlive it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "compile/kernel_trial.h"
#include "compile/program.h"
#include "compile/tuning.h"
#include "compile/tuning_journal.h"

namespace bp {

struct TunerOptions {
  int repeats = 5;           // pairs of a configuration and the default that are timed; the medians count
  double least_us = 20'000;  // that one timing takes at least, by launching again
  double least_gain = 0.02;  // what is less is noise
  size_t most_configs = 64;  // tried of one problem
  // Told before each problem, and after the last.
  std::function<void(size_t done, size_t total)> progress{};
  std::stop_token stop{};
};

// What became of one problem.
struct TunedKernel {
  std::string kernel, problem;
  std::string config;     // the one that is kept, as config_text() has it
  double default_us = 0;  // of one launch
  double us = 0;          // of one launch, with `config`
  size_t n_launches = 0;  // of it in the programs that were looked at, each once
  size_t n_tried = 0;
  size_t n_failed = 0;   // could not be planned or run
  size_t n_wrong = 0;    // gave other numbers
  size_t n_skipped = 0;  // had killed a process before
  std::string why{};     // not empty: it was not tuned, and why
  bool gained() const { return us < default_us; }
};

class Tuner {
 public:
  // Errors: kFailed where the journal cannot be written or another process tunes this device.
  static Result<std::unique_ptr<Tuner>> create(Tuning& tuning, TunerOptions options);

  // Takes in the kernels of a program that have tunables, each distinct problem once.
  void add(const Program& program);
  // Tunes them all. Results are in the cache, and in its file, as soon as each problem is done. Errors: kDevice where
  // the device is lost.
  Result<std::vector<TunedKernel>> run();

 private:
  struct Problem {
    const Program* program = nullptr;
    std::vector<size_t> places;
    size_t n_launches = 0;
  };
  class Search;
  Tuner(Tuning& tuning, TunerOptions options, TuningJournal journal)
      : tuning_(tuning), options_(std::move(options)), journal_(std::move(journal)) {}
  Result<TunedKernel> tune(const std::string& id, const std::string& text, const Problem& problem);

  Tuning& tuning_;
  TunerOptions options_;
  TuningJournal journal_;
  std::map<std::pair<std::string, std::string>, Problem> problems_;  // by kernel and problem
};

}  // namespace bp
