#include "perf/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "base/median.h"
#include "perf/random_requests.h"
#include "perf/workload.h"

namespace bp {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Status drain(Engine& engine) {
  while (!engine.idle()) BP_TRY_VOID(engine.step());
  return {};
}

// What one run measured.
struct Timing {
  double tps = 0;
  double gap_us = 0;
};

// Tokens per second for the prompt tokens past `depth`. A step that takes tokens of both sides counts by its share of
// those.
Result<Timing> time_prefill(Engine& engine, const Model& model, const BenchCase& what) {
  BP_TRY_VOID(add_random_requests(engine, model, what.batch, what.depth + what.n_prompt, 1));
  const int64_t before = int64_t{what.batch} * what.depth;
  int64_t done = 0;
  int64_t counted = 0;
  double seconds = 0;
  std::vector<double> gaps;
  while (!engine.idle()) {
    const auto start = Clock::now();
    BP_TRY_VOID(engine.step());
    const int64_t n_tokens = engine.last_step().n_tokens;
    if (done > 0) gaps.push_back(engine.last_step().gap_us);
    done += n_tokens;
    const int64_t past = std::clamp(done - before, int64_t{0}, n_tokens);
    if (past == 0) continue;
    seconds += seconds_since(start) * static_cast<double>(past) / static_cast<double>(n_tokens);
    counted += past;
  }
  return Timing{static_cast<double>(counted) / seconds, median(std::move(gaps))};
}

Result<Timing> time_decode(Engine& engine, const Model& model, const BenchCase& what) {
  BP_TRY_VOID(add_random_requests(engine, model, what.batch, std::max(what.depth, 1), what.n_gen + 1));
  // Until every sequence has its first token: from then on each step is one token of each.
  int n_started = 0;
  while (n_started < what.batch) {
    BP_TRY(const auto events, engine.step());
    n_started = std::max(n_started, static_cast<int>(events.size()));
  }
  int64_t n_tokens = 0;
  std::vector<double> gaps;
  const auto start = Clock::now();
  while (!engine.idle()) {
    BP_TRY(const auto events, engine.step());
    n_tokens += static_cast<int64_t>(events.size());
    gaps.push_back(engine.last_step().gap_us);
  }
  return Timing{static_cast<double>(n_tokens) / seconds_since(start), median(std::move(gaps))};
}

enum class Phase { kPrefill, kDecode };

Result<Timing> time_phase(Phase phase, Engine& engine, const Model& model, const BenchCase& what) {
  return phase == Phase::kPrefill ? time_prefill(engine, model, what) : time_decode(engine, model, what);
}

std::vector<Phase> phases_of(const BenchCase& what) {
  std::vector<Phase> phases;
  if (what.n_prompt > 0) phases.push_back(Phase::kPrefill);
  if (what.n_gen > 0) phases.push_back(Phase::kDecode);
  return phases;
}

// What stays of some runs, in the order in which they were made. REQUIRES: there is one.
Result<BenchRow> row_of(Phase phase, std::span<const Timing> timings, Engine& engine, const BenchCase& what,
                        const DeviceLimits* limits) {
  BenchRow row;
  std::vector<double> tps;
  for (const Timing& timing : timings) tps.push_back(timing.tps);
  std::ranges::sort(tps);
  row.tps_min = tps.front();
  row.tps_max = tps.back();
  row.tps_median = median(tps);
  row.gap_us = timings.back().gap_us;
  row.depth = what.depth;
  row.batch = what.batch;
  const bool is_prefill = phase == Phase::kPrefill;
  (is_prefill ? row.n_prompt : row.n_gen) = is_prefill ? what.n_prompt : what.n_gen;
  row.test = is_prefill ? fmt::format("pp{}", what.n_prompt) : fmt::format("tg{}", what.n_gen);
  if (limits == nullptr) return row;
  BP_TRY(const Program* program, engine.executor().program(1));
  const Workload work = workload_of(program->graph());
  row.limit_tps = is_prefill ? work.prefill_tps(*limits, what.n_prompt, what.depth)
                             : work.decode_tps(*limits, what.batch, what.depth + what.n_gen / 2.0);
  return row;
}

}  // namespace

Status check_bench_case(const BenchCase& what, int max_context) {
  return check_tokens("bench", "time", what.n_prompt, what.n_gen, what.depth, max_context);
}

Result<std::vector<BenchRow>> bench_model(Engine& engine, const Model& model, const BenchCase& what,
                                          const DeviceLimits* limits) {
  BP_TRY_VOID(check_bench_case(what, engine.max_context()));
  std::vector<BenchRow> rows;
  for (const Phase phase : phases_of(what)) {
    BP_TRY_VOID(time_phase(phase, engine, model, what));
    std::vector<Timing> timings;
    for (int i = 0; i < std::max(what.repeats, 1); ++i) {
      BP_TRY(const Timing timing, time_phase(phase, engine, model, what));
      timings.push_back(timing);
    }
    BP_TRY(BenchRow row, row_of(phase, timings, engine, what, limits));
    rows.push_back(std::move(row));
  }
  BP_TRY_VOID(drain(engine));
  return rows;
}

Result<std::vector<BenchPair>> bench_pairs(Engine& engine, Engine& versus, const Model& model, const BenchCase& what,
                                           const DeviceLimits* limits, const DeviceLimits* versus_limits) {
  BP_TRY_VOID(check_bench_case(what, engine.max_context()));
  BP_TRY_VOID(check_bench_case(what, versus.max_context()));
  std::vector<BenchPair> pairs;
  for (const Phase phase : phases_of(what)) {
    std::array<std::vector<Timing>, 2> timings;
    std::vector<double> ratios;
    for (int i = 0; i <= std::max(what.repeats, 1); ++i) {
      // Who begins changes: what the first of two finds in the caches is not the same each time.
      std::array<Timing, 2> pair;
      for (const int which : {i % 2, 1 - i % 2}) {
        Engine& one = which == 0 ? engine : versus;
        BP_TRY(pair[static_cast<size_t>(which)], time_phase(phase, one, model, what));
        BP_TRY_VOID(drain(one));
      }
      if (i == 0) continue;  // a warm-up
      for (size_t which = 0; which < 2; ++which) timings[which].push_back(pair[which]);
      ratios.push_back(pair[0].tps / pair[1].tps);
    }
    BenchPair& made = pairs.emplace_back();
    BP_TRY(made.row, row_of(phase, timings[0], engine, what, limits));
    BP_TRY(made.versus, row_of(phase, timings[1], versus, what, versus_limits));
    std::ranges::sort(ratios);
    made.ratio = median(ratios);
    made.ratio_low = ratios[ratios.size() / 4];
    made.ratio_high = ratios[(3 * ratios.size()) / 4];
  }
  return pairs;
}

}  // namespace bp
