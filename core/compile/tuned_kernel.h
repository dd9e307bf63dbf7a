// What the searches for configurations are told, and what they tell. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace bp {

struct TunerOptions {
  int repeats = 5;           // comparisons of a configuration with the default, at least; the medians count
  double least_us = 20'000;  // that one timing of a kernel by itself takes at least, by launching again
  double least_gain = 0.02;  // what is less is noise
  size_t most_configs = 64;  // tried of one problem
  size_t n_finalists = 3;    // of a problem, that are compared in whole steps
  double step_us = 10e6;     // for the comparison in whole steps, of each program and size, unless `repeats` needs more
  // Told before each problem, before each comparison in whole steps, and after the last.
  std::function<void(size_t done, size_t total)> progress{};
  std::stop_token stop{};
};

// What became of one problem.
struct TunedKernel {
  std::string kernel, problem;
  std::string config;     // the one that is kept, as config_text() has it
  double default_us = 0;  // of one launch; in a step, where those were timed
  double us = 0;          // of one launch, with `config`
  size_t n_launches = 0;  // of it in the programs that were looked at, each once
  bool in_steps = false;  // compared in whole steps, not by itself
  size_t n_tried = 0;
  size_t n_failed = 0;   // could not be planned or run
  size_t n_wrong = 0;    // gave other numbers
  size_t n_skipped = 0;  // had killed a process before
  std::string why{};     // not empty: it was not tuned, and why
  bool gained() const { return us < default_us; }
};

// What the configurations that are kept make of a program's step, all of them together.
struct TunedStep {
  int64_t n_tokens = 0;   // that were timed
  double default_us = 0;  // the median; of one run where nothing is kept
  double us = 0;          // that, times the median ratio of steps in turn
};

}  // namespace bp
