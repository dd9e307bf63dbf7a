#include "compile/step_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/median.h"
#include "compile/kernel_search.h"

namespace bp {
namespace {

constexpr size_t kScreenBetween = 4;  // candidates between two runs with the defaults, while there are many
constexpr int kMostRounds = 25;
constexpr double kFasterShare = 0.75;  // of the comparisons, that what is kept must have won

}  // namespace

double StepSearch::Candidate::ratio() const { return median(ratios); }

Status StepSearch::check_stop() const {
  if (!options_.stop.stop_requested()) return {};
  return fail(ErrorCode::kInterrupted, "tune", "interrupted", "what was found is kept");
}

size_t StepSearch::most_candidates() const {
  size_t most = 0;
  for (const Contest& contest : contests_) most = std::max(most, contest.candidates.size());
  return most;
}

Result<TunedStep> StepSearch::run(std::span<Problem> problems, std::span<const RunAgain> runs) {
  for (Problem& problem : problems) BP_TRY_VOID(enter(problem, runs.front()));
  BP_TRY_VOID(time(runs.front(), std::nullopt));  // brings the program to the size
  BP_TRY(const StepTrial::Times warm, time(runs.front(), std::nullopt));
  run_us_ = warm.run_us;
  n_tokens_ = warm.n_tokens;
  for (const Contest& contest : contests_) note_default(contest, warm.of(contest.problem->places));
  BP_TRY_VOID(try_all(runs.front()));
  BP_TRY_VOID(screen(runs.front()));
  for (size_t size = 0; size < runs.size() && most_candidates() > 0; ++size) {
    BP_TRY_VOID(compare(runs[size], n_rounds(2 * most_candidates())));
    end_size(size == 0);
  }
  choose(runs.size());
  return confirm(runs);
}

// As many as the time allows.
int StepSearch::n_rounds(size_t runs_each) const {
  const double round_us = static_cast<double>(runs_each) * std::max(run_us_, 1.0);
  const auto wanted = static_cast<int>(std::min<double>(options_.step_us / round_us, kMostRounds));
  return std::max(options_.repeats, wanted);
}

void StepSearch::note_default(const Contest& contest, double us_of_all) {
  TunedKernel& report = *contest.problem->report;
  report.in_steps = true;
  report.default_us = us_of_all / static_cast<double>(contest.problem->places.size());
  report.us = report.default_us;
}

Status StepSearch::enter(Problem& problem, const RunAgain& run) {
  Contest contest;
  contest.problem = &problem;
  const bp_kernel& kernel = trial_.kernel(problem.places.front());
  auto plain = trial_.prepare(problem.places, default_config(kernel));
  if (!plain.has_value()) {
    problem.report->why = plain.error().message();
    return lost_or_fine(trial_.device(), kernel);
  }
  contest.plain = std::move(*plain);
  std::vector<std::byte> want;
  if (!problem.is_screened && !problem.configs.empty()) {
    Variant* const plain_only = contest.plain.get();
    auto results = trial_.results({&plain_only, 1}, run);
    if (!results.has_value()) {
      problem.report->why = results.error().message();
      return lost_or_fine(trial_.device(), kernel);
    }
    want = std::move(results->front());
  }
  for (const KernelConfig& config : problem.configs)
    BP_TRY_VOID(admit(contest, config, problem.is_screened ? nullptr : &want, run));
  contests_.push_back(std::move(contest));
  return {};
}

Status StepSearch::admit(Contest& contest, const KernelConfig& config, const std::vector<std::byte>* want,
                         const RunAgain& run) {
  BP_TRY_VOID(check_stop());
  TunedKernel& report = *contest.problem->report;
  const std::string name = name_of(contest, config);
  if (journal_.kills(name)) {
    ++report.n_skipped;
    return {};
  }
  Candidate candidate;
  candidate.config = config;
  BP_TRY_VOID(journal_.begin(name));
  BP_TRY(const bool is_admitted, is_right(contest, candidate, want, run));
  BP_TRY_VOID(journal_.end(name));
  if (is_admitted) contest.candidates.push_back(std::move(candidate));
  return {};
}

const bp_kernel& StepSearch::kernel_of(const Contest& contest) const {
  return trial_.kernel(contest.problem->places.front());
}

std::string StepSearch::name_of(const Contest& contest, const KernelConfig& config) const {
  return tuning_.trial_name(kernel_of(contest), contest.problem->report->problem, config);
}

Result<bool> StepSearch::is_right(const Contest& contest, Candidate& candidate, const std::vector<std::byte>* want,
                                  const RunAgain& run) {
  const Problem& problem = *contest.problem;
  const bp_kernel& kernel = kernel_of(contest);
  if (want != nullptr) ++problem.report->n_tried;
  const auto failed = [&](const Error& error) -> Result<bool> {
    ++problem.report->n_failed;
    log::debug("tuning: kernel {}: {}", kernel.id, error.message());
    BP_TRY_VOID(lost_or_fine(trial_.device(), kernel));
    return false;
  };
  auto variant = trial_.prepare(problem.places, candidate.config);
  if (!variant.has_value()) return failed(variant.error());
  candidate.variant = std::move(*variant);
  if (want == nullptr) return true;
  Variant* const only = candidate.variant.get();
  const auto got = trial_.results({&only, 1}, run);
  if (!got.has_value()) return failed(got.error());
  return has_right_numbers(problem, candidate.config, got->front(), *want);
}

bool StepSearch::has_right_numbers(const Problem& problem, const KernelConfig& config, std::span<const std::byte> got,
                                   std::span<const std::byte> want) {
  const size_t place = problem.places.front();
  const bp_kernel& kernel = trial_.kernel(place);
  const bool may_differ = ConfigSpace(kernel, tuning_.deterministic()).changes_bits(config);
  if (trial_.difference(place, got, want) <= (may_differ ? trial_.tolerance(place) : 0)) return true;
  ++problem.report->n_wrong;
  log::warn("tuning: kernel {}, {}: {} gives other numbers", kernel.id, problem.report->problem,
            config_text(kernel, config));
  return false;
}

template <class F>
Result<StepTrial::Times> StepSearch::time_with(const RunAgain& run, F candidate_of) {
  std::vector<Variant*> variants;
  for (const Contest& contest : contests_) {
    const Candidate* candidate = candidate_of(contest);
    variants.push_back((candidate != nullptr ? candidate->variant : contest.plain).get());
  }
  return trial_.time(variants, run);
}

Result<StepTrial::Times> StepSearch::time(const RunAgain& run, std::optional<size_t> index) {
  return time_with(run, [&](const Contest& contest) {
    return index && *index < contest.candidates.size() ? &contest.candidates[*index] : nullptr;
  });
}

// What is known to be right by itself has not run among others yet: the first run of each, one of every problem at a
// time, is noted in the journal, and costs nobody but the one that fails.
Status StepSearch::try_all(const RunAgain& run) {
  for (size_t i = 0; i < most_candidates(); ++i) {
    BP_TRY_VOID(check_stop());
    std::vector<Contest*> contests;
    for (Contest& contest : contests_) {
      if (i < contest.candidates.size()) contests.push_back(&contest);
    }
    const auto runs_noted = [&](std::span<Contest* const> noted, auto time_them) -> Result<bool> {
      for (const Contest* contest : noted)
        BP_TRY_VOID(journal_.begin(name_of(*contest, contest->candidates[i].config)));
      const bool has_run = time_them().has_value();
      if (!has_run) BP_TRY_VOID(lost_or_fine(trial_.device(), kernel_of(*noted.front())));
      for (const Contest* contest : noted) BP_TRY_VOID(journal_.end(name_of(*contest, contest->candidates[i].config)));
      return has_run;
    };
    BP_TRY(const bool all_ran, runs_noted(contests, [&] { return time(run, i); }));
    if (all_ran) continue;
    for (Contest* contest : contests) {
      Candidate& candidate = contest->candidates[i];
      Variant* const only = candidate.variant.get();
      BP_TRY(const bool has_run, runs_noted({&contest, 1}, [&] { return trial_.time({&only, 1}, run); }));
      if (has_run) continue;
      ++contest->problem->report->n_failed;
      candidate.has_failed = true;
    }
  }
  for (Contest& contest : contests_) {
    std::erase_if(contest.candidates, [](const Candidate& candidate) { return candidate.has_failed; });
  }
  return {};
}

// Every candidate once, runs with the defaults before and after each `n_between` of them.
Status StepSearch::round(const RunAgain& run, size_t n_between) {
  BP_TRY(StepTrial::Times before, time(run, std::nullopt));
  const size_t most = most_candidates();
  for (size_t begin = 0; begin < most; begin += n_between) {
    BP_TRY_VOID(check_stop());
    const size_t end = std::min(begin + n_between, most);
    std::vector<StepTrial::Times> theirs;
    for (size_t i = begin; i < end; ++i) {
      BP_TRY(StepTrial::Times times, time(run, i));
      theirs.push_back(std::move(times));
    }
    BP_TRY(StepTrial::Times after, time(run, std::nullopt));
    for (Contest& contest : contests_) {
      const auto& places = contest.problem->places;
      const double plain = (before.of(places) + after.of(places)) / 2;
      contest.default_us.push_back(plain);
      for (size_t i = begin; i < std::min(end, contest.candidates.size()); ++i) {
        Candidate& candidate = contest.candidates[i];
        candidate.ratios.push_back(plain > 0 ? theirs[i - begin].of(places) / plain : 1);
      }
    }
    before = std::move(after);
  }
  return {};
}

KernelConfig StepSearch::best_of_each(const Contest& contest) const {
  const KernelConfig plain = default_config(kernel_of(contest));
  KernelConfig config = plain;
  std::vector<double> best(plain.size(), 1);
  for (const Candidate& candidate : contest.candidates) {
    size_t n_changed = 0;
    size_t changed = 0;
    for (size_t i = 0; i < plain.size(); ++i) {
      if (candidate.config[i] == plain[i]) continue;
      ++n_changed;
      changed = i;
    }
    if (n_changed != 1 || candidate.ratio() >= best[changed]) continue;
    best[changed] = candidate.ratio();
    config[changed] = candidate.config[changed];
  }
  return config;
}

Status StepSearch::combine(const RunAgain& run) {
  std::vector<std::pair<Contest*, KernelConfig>> wanted;
  std::vector<Variant*> plain;
  for (Contest& contest : contests_) {
    const bp_kernel& kernel = kernel_of(contest);
    // Where configurations are few, all were tried.
    if (ConfigSpace(kernel, tuning_.deterministic()).count(kFewConfigs) <= kFewConfigs) continue;
    KernelConfig config = best_of_each(contest);
    if (config == default_config(kernel)) continue;
    if (std::ranges::find(contest.candidates, config, &Candidate::config) != contest.candidates.end()) continue;
    wanted.emplace_back(&contest, std::move(config));
    plain.push_back(contest.plain.get());
  }
  if (wanted.empty()) return {};
  BP_TRY(const auto results, trial_.results(plain, run));
  for (size_t i = 0; i < wanted.size(); ++i) BP_TRY_VOID(admit(*wanted[i].first, wanted[i].second, &results[i], run));
  return {};
}

// Halves what is in question until few are left, all problems at a time.
Status StepSearch::screen(const RunAgain& run) {
  for (bool is_first = true; most_candidates() > options_.n_finalists; is_first = false) {
    BP_TRY_VOID(round(run, kScreenBetween));
    if (is_first) BP_TRY_VOID(combine(run));  // what is new stands first, untimed
    for (Contest& contest : contests_) {
      auto& candidates = contest.candidates;
      if (candidates.size() <= options_.n_finalists) continue;
      std::ranges::sort(candidates, {}, &Candidate::ratio);
      candidates.resize(std::max(options_.n_finalists, candidates.size() / 2));
    }
  }
  for (Contest& contest : contests_) {
    contest.default_us.clear();
    for (Candidate& candidate : contest.candidates) {
      candidate.ratios.clear();
    }
  }
  return {};
}

Status StepSearch::compare(const RunAgain& run, int n_rounds) {
  BP_TRY_VOID(time(run, std::nullopt));  // brings the program to the size, and is not counted
  for (int i = 0; i < n_rounds; ++i) BP_TRY_VOID(round(run, 1));
  return {};
}

void StepSearch::end_size(bool is_first) {
  for (Contest& contest : contests_) {
    for (Candidate& candidate : contest.candidates) {
      if (is_first) {
        candidate.first_ratio = candidate.ratio();
        candidate.first_default = median(contest.default_us);
      }
      candidate.sum += candidate.ratio();
      candidate.n_ratios += candidate.ratios.size();
      candidate.n_faster +=
          static_cast<size_t>(std::ranges::count_if(candidate.ratios, [](double r) { return r < 1; }));
      candidate.ratios.clear();
    }
    if (is_first) note_default(contest, median(contest.default_us));
    contest.default_us.clear();
  }
}

void StepSearch::choose(size_t n_sizes) {
  const double most = (1 - options_.least_gain) * static_cast<double>(n_sizes);
  for (Contest& contest : contests_) {
    for (const Candidate& candidate : contest.candidates) {
      const bool is_sure =
          static_cast<double>(candidate.n_faster) >= kFasterShare * static_cast<double>(candidate.n_ratios);
      const bool is_best = contest.winner == nullptr || candidate.sum < contest.winner->sum;
      if (is_sure && is_best && candidate.first_ratio < 1 && candidate.sum <= most) contest.winner = &candidate;
    }
  }
}

Result<StepTrial::Times> StepSearch::time_kept(const RunAgain& run, bool is_kept) {
  return time_with(run, [&](const Contest& contest) { return is_kept ? contest.winner : nullptr; });
}

// All that is to be kept against the defaults: kernels share caches and memory, and what one gains another may lose.
Result<TunedStep> StepSearch::confirm(std::span<const RunAgain> runs) {
  TunedStep step{n_tokens_, run_us_, run_us_};
  const bool has_winners = std::ranges::any_of(contests_, [](const Contest& c) { return c.winner != nullptr; });
  if (!has_winners) return step;
  double sum = 0;
  for (size_t size = 0; size < runs.size(); ++size) {
    std::vector<double> default_us, ratios;
    BP_TRY(StepTrial::Times before, time_kept(runs[size], false));  // brings the program to the size
    BP_TRY(before, time_kept(runs[size], false));
    for (int i = 0; i < n_rounds(2); ++i) {
      BP_TRY_VOID(check_stop());
      BP_TRY(const StepTrial::Times with, time_kept(runs[size], true));
      BP_TRY(StepTrial::Times after, time_kept(runs[size], false));
      default_us.push_back((before.run_us + after.run_us) / 2);
      ratios.push_back(with.run_us / default_us.back());
      before = std::move(after);
    }
    sum += median(ratios);
    if (size == 0) step = {n_tokens_, median(default_us), median(default_us) * median(ratios)};
  }
  if (sum >= static_cast<double>(runs.size())) {
    log::info("tuning: kernels gain, their steps do not ({:.3f} of the time with the defaults): nothing is kept",
              sum / static_cast<double>(runs.size()));
    step.us = step.default_us;
    return step;
  }
  for (const Contest& contest : contests_) {
    if (contest.winner == nullptr) continue;
    const auto n = static_cast<double>(contest.problem->places.size());
    contest.problem->kept = contest.winner->config;
    contest.problem->report->default_us = contest.winner->first_default / n;
    contest.problem->report->us = contest.winner->first_ratio * contest.winner->first_default / n;
  }
  return step;
}

}  // namespace bp
