#include "compile/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/median.h"

namespace bp {
namespace {

using Config = std::vector<int64_t>;

constexpr size_t kFewConfigs = 24;  // so many are all tried
constexpr double kHopeless = 1.15;  // two pairs this much slower are enough
constexpr double kNanUs = std::numeric_limits<double>::quiet_NaN();

bool changes_bits(const bp_kernel& kernel, const Config& config) {
  for (size_t i = 0; i < config.size(); ++i) {
    const bp_tunable& tunable = tunable_at(kernel, i);
    if ((tunable.flags & BP_TUN_BITS) != 0 && config[i] != tunable.value[0]) return true;
  }
  return false;
}

struct Pairs {
  double us = kNanUs;
  double default_us = kNanUs;
  double ratio = std::numeric_limits<double>::infinity();  // the median of the pairs'
  double share_faster = 0;                                 // of pairs
};

}  // namespace

// The search for one problem.
class Tuner::Search {
 public:
  Search(Tuner& tuner, KernelTrial& trial, TunedKernel& report) : tuner_(tuner), trial_(trial), report_(report) {}

  Result<Config> run() {
    const bp_kernel& kernel = trial_.kernel();
    best_ = default_config(kernel);
    BP_TRY_VOID(start());
    if (default_.bounds.empty()) return best_;
    Status tried;
    if (const bp_ext_tune* ext = extension(); ext != nullptr && BP_HAS(bp_ext_tune, ext, propose)) {
      tried = try_proposed(*ext);
    } else if (n_configs() <= kFewConfigs) {
      tried = try_all();
    } else {
      tried = try_one_by_one();
    }
    BP_TRY_VOID(tried);
    return confirm();
  }

 private:
  // The default: what all others are held against.
  Status start() {
    auto ready = trial_.prepare({});
    if (!ready.has_value()) {
      report_.why = ready.error().message();
      return lost_or_fine();
    }
    BP_TRY(const auto few, trial_.results(*ready, TrialSize::kFew));
    if (auto reference = trial_.reference_results(); reference.has_value()) {
      const double off = trial_.difference(few, *reference);
      if (off > trial_.tolerance()) {
        report_.why = fmt::format("the default differs from the reference by {:.2g} of the largest result", off);
        return {};
      }
      reference_ = std::move(*reference);
    }
    BP_TRY(wanted_, trial_.results(*ready));
    BP_TRY(const double once, trial_.time_us(*ready, std::min<size_t>(trial_.n_places(), 4)));
    const double wanted = std::ceil(tuner_.options_.least_us / std::max(once, 0.01));
    n_launches_ = static_cast<size_t>(std::clamp(wanted, 1.0, 1e5));
    BP_TRY(report_.default_us, trial_.time_us(*ready, n_launches_));
    report_.us = report_.default_us;
    default_ = std::move(*ready);
    return {};
  }

  size_t n_configs() const {
    size_t n = 1;
    for (size_t i = 0; i < trial_.kernel().n_tunable; ++i) {
      if (n > kFewConfigs) return n;
      n *= values_of(i).size();
    }
    return n;
  }

  // With a deterministic engine what changes bits has one value in all buckets.
  std::span<const int64_t> values_of(size_t index) const {
    const bp_tunable& tunable = tunable_at(trial_.kernel(), index);
    const bool fixed = (tunable.flags & BP_TUN_BITS) != 0 && tuner_.tuning_.deterministic();
    return {tunable.value, fixed ? 1 : tunable.n};
  }

  Status try_all() {
    Config config = default_config(trial_.kernel());
    std::vector<size_t> at(config.size(), 0);
    for (;;) {
      size_t i = 0;
      while (i < at.size() && ++at[i] == values_of(i).size()) at[i++] = 0;
      if (i == at.size()) return {};
      for (size_t t = 0; t < at.size(); ++t) config[t] = values_of(t)[at[t]];
      BP_TRY_VOID(consider(config));
    }
  }

  // Until a round over all tunables finds nothing better.
  Status try_one_by_one() {
    for (bool better = true; better;) {
      const Config before = best_;
      for (size_t i = 0; i < best_.size(); ++i) {
        for (const int64_t value : values_of(i)) {
          Config config = best_;
          config[i] = value;
          BP_TRY_VOID(consider(config));
        }
      }
      better = best_ != before;
    }
    return {};
  }

  const bp_ext_tune* extension() const { return static_cast<const bp_ext_tune*>(trial_.device().extension("tune/1")); }

  Status try_proposed(const bp_ext_tune& ext) {
    const bp_kernel& kernel = trial_.kernel();
    std::vector<int64_t> tried = default_config(kernel);
    std::vector<double> us = {report_.default_us};
    while (us.size() < tuner_.options_.most_configs) {
      Config next(kernel.n_tunable);
      const auto status = trial_.device().fault().call("tune propose", [&](bp_err* err) {
        return ext.propose(trial_.device().handle(), &kernel, &trial_.region(), tried.data(), us.data(),
                           static_cast<uint32_t>(us.size()), next.data(), err);
      });
      if (!status.has_value()) return lost_or_fine();
      for (size_t i = 0; i < next.size(); ++i) {
        if (std::ranges::find(values_of(i), next[i]) != values_of(i).end()) continue;
        log::warn("tuning: kernel {}: tune/1 proposes {}, which is outside its tunables", kernel.id,
                  config_text(kernel, next));
        return {};
      }
      BP_TRY_VOID(consider(next));
      tried.insert(tried.end(), next.begin(), next.end());
      us.push_back(last_us_);
    }
    return {};
  }

  // Tries a configuration once; the best so far is kept.
  Status consider(const Config& config) {
    last_us_ = kNanUs;
    if (seen_.size() >= tuner_.options_.most_configs || config == default_config(trial_.kernel())) return {};
    if (!seen_.insert(config).second) return {};
    const TuningKey key = tuner_.tuning_.key(trial_.kernel(), trial_.problem());
    const std::string name = fmt::format("{} {} {} {} {}", key.plugin, key.device, key.kernel, key.problem,
                                         config_text(trial_.kernel(), config));
    if (tuner_.journal_.kills(name)) {
      ++report_.n_skipped;
      return {};
    }
    BP_TRY_VOID(tuner_.journal_.begin(name));
    BP_TRY_VOID(time(config));
    return tuner_.journal_.end(name);
  }

  Status time(const Config& config) {
    ++report_.n_tried;
    auto ready = trial_.prepare(config);
    if (!ready.has_value()) return failed(ready.error());
    auto right = has_right_numbers(*ready, config);
    if (!right.has_value()) return failed(right.error());
    if (!*right) {
      ++report_.n_wrong;
      log::warn("tuning: kernel {}, {}: {} gives other numbers", trial_.kernel().id, trial_.problem(),
                config_text(trial_.kernel(), config));
      return {};
    }
    auto pairs = time_pairs(*ready, tuner_.options_.repeats);
    if (!pairs.has_value()) return failed(pairs.error());
    last_us_ = pairs->us;
    if (pairs->ratio >= best_ratio_) return {};
    best_ratio_ = pairs->ratio;
    best_ = config;
    return {};
  }

  Status failed(const Error& error) {
    ++report_.n_failed;
    log::debug("tuning: kernel {}: {}", trial_.kernel().id, error.message());
    return lost_or_fine();
  }

  Status lost_or_fine() const {
    if (!trial_.device().fault().lost()) return {};
    return fail(ErrorCode::kDevice, trial_.kernel().id, "the device was lost while it was tuned",
                "run the command again: what lost it is skipped then");
  }

  // The same bits as the default's, unless a tunable changes them: then close to it and to the reference.
  Result<bool> has_right_numbers(KernelTrial::Ready& ready, const Config& config) const {
    BP_TRY(const auto all, trial_.results(ready));
    if (!changes_bits(trial_.kernel(), config)) return trial_.difference(all, wanted_) == 0;
    if (trial_.difference(all, wanted_) > trial_.tolerance()) return false;
    if (reference_.empty()) return true;
    BP_TRY(const auto few, trial_.results(ready, TrialSize::kFew));
    return trial_.difference(few, reference_) <= trial_.tolerance();
  }

  // Each beside the default, since a machine is faster at one time than at another; at the bucket's largest sizes and
  // at half of them, since what suits one may not suit the other.
  Result<Pairs> time_pairs(KernelTrial::Ready& ready, int repeats) {
    std::vector<double> us, default_us, ratios, at_half;
    bool hopeless = false;
    const bool has_half = trial_.has_half();
    for (int i = 0; i <= repeats; ++i) {
      BP_TRY(const double theirs, trial_.time_us(default_, n_launches_));
      BP_TRY(const double ours, trial_.time_us(ready, n_launches_));
      const bool was_hopeless = std::exchange(hopeless, ours >= kHopeless * theirs);
      double ratio_at_half = 1;
      if (has_half) {
        BP_TRY(const double theirs_at_half, trial_.time_us(default_, n_launches_, TrialSize::kHalf));
        BP_TRY(const double ours_at_half, trial_.time_us(ready, n_launches_, TrialSize::kHalf));
        ratio_at_half = ours_at_half / theirs_at_half;
      }
      if (i == 0) continue;  // a warm-up
      us.push_back(ours);
      default_us.push_back(theirs);
      ratios.push_back(ours / theirs);
      if (has_half) at_half.push_back(ratio_at_half);
      if (i == 1 && hopeless && was_hopeless) break;
    }
    Pairs pairs{median(us), median(default_us), median(ratios), 0};
    if (has_half) pairs.ratio = (pairs.ratio + median(at_half)) / 2;
    ratios.insert(ratios.end(), at_half.begin(), at_half.end());
    const auto faster = static_cast<double>(std::ranges::count_if(ratios, [](double r) { return r < 1; }));
    pairs.share_faster = faster / static_cast<double>(ratios.size());
    return pairs;
  }

  // The winner once more, for longer: the best of many is too good by chance.
  Result<Config> confirm() {
    const Config plain = default_config(trial_.kernel());
    const double least = 1 - tuner_.options_.least_gain;
    if (best_ == plain || best_ratio_ >= least) return plain;
    BP_TRY(KernelTrial::Ready ready, trial_.prepare(best_));
    BP_TRY(const Pairs pairs, time_pairs(ready, 2 * tuner_.options_.repeats + 1));
    report_.default_us = pairs.default_us;
    report_.us = pairs.default_us;
    if (pairs.ratio >= least || pairs.share_faster < 0.75) return plain;
    report_.us = pairs.us;
    return best_;
  }

  Tuner& tuner_;
  KernelTrial& trial_;
  TunedKernel& report_;
  KernelTrial::Ready default_;
  std::vector<std::byte> wanted_, reference_;
  size_t n_launches_ = 1;
  std::set<Config> seen_;
  Config best_;
  double best_ratio_ = 1;
  double last_us_ = kNanUs;
};

Result<std::unique_ptr<Tuner>> Tuner::create(Tuning& tuning, TunerOptions options) {
  BP_TRY(TuningJournal journal, TuningJournal::open(tuning.journal_path()));
  return std::unique_ptr<Tuner>(new Tuner(tuning, std::move(options), std::move(journal)));
}

void Tuner::add(const Program& program) {
  for (KernelProblem& found : kernel_problems(program)) {
    if (program.kernel_at(found.places.front())->n_tunable == 0) continue;
    Problem& problem = problems_[{found.kernel, found.problem}];
    problem.n_launches += found.places.size();
    if (problem.program != nullptr) continue;
    problem.program = &program;
    problem.places = std::move(found.places);
  }
}

Result<std::vector<TunedKernel>> Tuner::run() {
  std::vector<TunedKernel> reports;
  for (const auto& [name, problem] : problems_) {
    if (options_.progress) options_.progress(reports.size(), problems_.size());
    if (options_.stop.stop_requested())
      return fail(ErrorCode::kInterrupted, "tune", "interrupted", "what was found is kept");
    BP_TRY(TunedKernel report, tune(name.first, name.second, problem));
    reports.push_back(std::move(report));
  }
  if (options_.progress) options_.progress(reports.size(), problems_.size());
  return reports;
}

Result<TunedKernel> Tuner::tune(const std::string& id, const std::string& text, const Problem& problem) {
  TunedKernel report;
  report.kernel = id;
  report.n_launches = problem.n_launches;
  report.problem = text;
  auto trial = KernelTrial::create(*problem.program, problem.places);
  if (!trial.has_value()) {
    report.why = trial.error().message();
    return report;
  }
  const bp_kernel& kernel = (*trial)->kernel();
  BP_TRY(const Config best, Search(*this, **trial, report).run());
  report.config = config_text(kernel, best);
  if (!report.why.empty()) return report;
  TuningEntry entry{tuning_.key(kernel, report.problem), {}, report.us, report.default_us};
  for (size_t i = 0; i < best.size(); ++i) entry.config.push_back({tunable_at(kernel, i).name, best[i]});
  if (entry.key.plugin.empty()) return report;  // what has no hash cannot be told from its next version
  if (const Status kept = tuning_.cache().add({&entry, 1}); !kept.has_value())
    log::warn("tuning: {}; the result is lost", kept.error().message());
  return report;
}

}  // namespace bp
