// Times prompts and generation of a model on random tokens, beside what the device's limits allow.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "perf/limits.h"

namespace bp {

struct BenchCase {
  int n_prompt = 512;  // > 0: prompts of so many tokens are timed
  int n_gen = 64;      // > 0: so many tokens after the first are timed
  int batch = 1;       // sequences at once
  int depth = 0;       // tokens of context before
  int repeats = 3;
};

struct BenchRow {
  std::string test;  // "pp512", "tg64"
  int n_prompt = 0, n_gen = 0, depth = 0, batch = 1;
  double tps_median = 0, tps_min = 0, tps_max = 0;  // tokens per second, of all sequences together
  double limit_tps = 0;                             // 0: not known
  double gap_us = 0;  // in which the device waited between two steps: the median of the last repeat
  double limit_share() const { return limit_tps > 0 ? tps_median / limit_tps : 0; }
};

// kUsage where nothing is to run, or more than `max_context` tokens are needed.
Status check_bench_case(const BenchCase& what, int max_context);

// One warm-up run, then `repeats`. `limits` null: no limit in the rows. Errors: the engine's, and kUsage where the
// context is too short for the case.
Result<std::vector<BenchRow>> bench_model(Engine& engine, const Model& model, const BenchCase& what,
                                          const DeviceLimits* limits);

// The same case on two engines in turn, so that a machine that is faster at one time than at another is so for both.
struct BenchPair {
  BenchRow row, versus;
  // tokens/s of `row` over those of `versus`, pair by pair: the median and the quartiles.
  double ratio = 0, ratio_low = 0, ratio_high = 0;
};

// One warm-up run of each, then `repeats` pairs. Errors: as bench_model's.
Result<std::vector<BenchPair>> bench_pairs(Engine& engine, Engine& versus, const Model& model, const BenchCase& what,
                                           const DeviceLimits* limits, const DeviceLimits* versus_limits);

}  // namespace bp
