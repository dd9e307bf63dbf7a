#include "compile/kernel_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/log.h"
#include "base/median.h"

namespace bp {
namespace {

constexpr double kHopeless = 1.15;  // two pairs this much slower are enough
constexpr double kNanUs = std::numeric_limits<double>::quiet_NaN();

}  // namespace

struct KernelSearch::Pairs {
  double us = kNanUs;
  double default_us = kNanUs;
  double ratio = std::numeric_limits<double>::infinity();  // the median of the pairs'
  double share_faster = 0;                                 // of pairs
};

Status lost_or_fine(Device& device, const bp_kernel& kernel) {
  if (!device.fault().lost()) return {};
  return fail(ErrorCode::kDevice, kernel.id, "the device was lost while it was tuned",
              "run the command again: what lost it is skipped then");
}

Result<std::vector<KernelConfig>> KernelSearch::check(std::span<const KernelConfig> configs) {
  BP_TRY_VOID(start());
  std::vector<KernelConfig> right;
  if (default_.bounds.empty()) return right;
  for (const KernelConfig& config : configs) {
    BP_TRY_VOID(noted(config, [&]() -> Status {
      BP_TRY(const auto ready, prepare(config));
      if (ready != nullptr) right.push_back(config);
      return {};
    }));
  }
  return right;
}

Result<std::vector<KernelConfig>> KernelSearch::run() {
  BP_TRY_VOID(start());
  std::vector<KernelConfig> finalists;
  if (default_.bounds.empty()) return finalists;
  BP_TRY_VOID(calibrate());
  Status tried;
  if (const bp_ext_tune* ext = extension(); ext != nullptr && BP_HAS(bp_ext_tune, ext, propose)) {
    tried = try_proposed(*ext);
  } else if (space_.count(kFewConfigs) <= kFewConfigs) {
    tried = try_all();
  } else {
    tried = try_one_by_one();
  }
  BP_TRY_VOID(tried);
  for (const Timed& timed : timed_) {
    if (finalists.size() < options_.n_finalists) finalists.push_back(timed.config);
  }
  return finalists;
}

Status KernelSearch::start() {
  auto ready = trial_.prepare({});
  if (!ready.has_value()) {
    report_.why = ready.error().message();
    return lost_or_fine();
  }
  const auto few = trial_.results(*ready, TrialSize::kFew);
  if (!few.has_value()) {
    report_.why = few.error().message();
    return lost_or_fine();
  }
  if (auto reference = trial_.reference_results(); reference.has_value()) {
    const double off = trial_.difference(*few, *reference);
    if (off > trial_.tolerance()) {
      report_.why = fmt::format("the default differs from the reference by {:.2g} of the largest result", off);
      return {};
    }
    reference_ = std::move(*reference);
  }
  BP_TRY(wanted_, trial_.results(*ready));
  default_ = std::move(*ready);
  return {};
}

// How often it is launched for one timing.
Status KernelSearch::calibrate() {
  BP_TRY(const double once, trial_.time_us(default_, std::min<size_t>(trial_.n_places(), 4)));
  const double wanted = std::ceil(options_.least_us / std::max(once, 0.01));
  n_launches_ = static_cast<size_t>(std::clamp(wanted, 1.0, 1e5));
  BP_TRY(report_.default_us, trial_.time_us(default_, n_launches_));
  report_.us = report_.default_us;
  return {};
}

Status KernelSearch::try_all() {
  for (const KernelConfig& config : space_.all()) BP_TRY_VOID(consider(config));
  return {};
}

// Until a round over all tunables finds nothing better.
Status KernelSearch::try_one_by_one() {
  for (bool is_better = true; is_better;) {
    const KernelConfig before = best();
    for (size_t i = 0; i < space_.n_tunables(); ++i) {
      for (const int64_t value : space_.values(i)) {
        KernelConfig config = best();
        config[i] = value;
        BP_TRY_VOID(consider(config));
      }
    }
    is_better = best() != before;
  }
  return {};
}

const bp_ext_tune* KernelSearch::extension() const {
  return static_cast<const bp_ext_tune*>(trial_.device().extension("tune/1"));
}

Status KernelSearch::try_proposed(const bp_ext_tune& ext) {
  const bp_kernel& kernel = trial_.kernel();
  std::vector<int64_t> tried = defaults_;
  std::vector<double> us = {report_.default_us};
  while (us.size() < options_.most_configs) {
    KernelConfig next(kernel.n_tunable);
    const auto status = trial_.device().fault().call("tune propose", [&](bp_err* err) {
      return ext.propose(trial_.device().handle(), &kernel, &trial_.region(), tried.data(), us.data(),
                         static_cast<uint32_t>(us.size()), next.data(), err);
    });
    if (!status.has_value()) return lost_or_fine();
    if (!space_.contains(next)) {
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

// Tries a configuration once; what is faster than the default is kept.
Status KernelSearch::consider(const KernelConfig& config) {
  last_us_ = kNanUs;
  if (seen_.size() >= options_.most_configs || config == defaults_) return {};
  if (!seen_.insert(config).second) return {};
  return noted(config, [&] { return time(config); });
}

template <class F>
Status KernelSearch::noted(const KernelConfig& config, F f) {
  const std::string name = tuning_.trial_name(trial_.kernel(), trial_.problem(), config);
  if (journal_.kills(name)) {
    ++report_.n_skipped;
    return {};
  }
  BP_TRY_VOID(journal_.begin(name));
  BP_TRY_VOID(f());
  return journal_.end(name);
}

Result<std::unique_ptr<KernelTrial::Ready>> KernelSearch::prepare(const KernelConfig& config) {
  ++report_.n_tried;
  const auto failed_with = [&](const Error& error) -> Result<std::unique_ptr<KernelTrial::Ready>> {
    BP_TRY_VOID(failed(error));
    return nullptr;
  };
  auto ready = trial_.prepare(config);
  if (!ready.has_value()) return failed_with(ready.error());
  auto right = has_right_numbers(*ready, config);
  if (!right.has_value()) return failed_with(right.error());
  if (*right) return std::make_unique<KernelTrial::Ready>(std::move(*ready));
  ++report_.n_wrong;
  log::warn("tuning: kernel {}, {}: {} gives other numbers", trial_.kernel().id, trial_.problem(),
            config_text(trial_.kernel(), config));
  return nullptr;
}

Status KernelSearch::time(const KernelConfig& config) {
  BP_TRY(const auto ready, prepare(config));
  if (ready == nullptr) return {};
  auto pairs = time_pairs(*ready, options_.repeats);
  if (!pairs.has_value()) return failed(pairs.error());
  last_us_ = pairs->us;
  if (pairs->ratio >= 1) return {};
  const auto place = std::ranges::upper_bound(timed_, pairs->ratio, {}, &Timed::ratio);
  timed_.insert(place, {config, pairs->ratio});
  return {};
}

Status KernelSearch::failed(const Error& error) {
  ++report_.n_failed;
  log::debug("tuning: kernel {}: {}", trial_.kernel().id, error.message());
  return lost_or_fine();
}

// The same bits as the default's, unless a tunable changes them: then close to it and to the reference.
Result<bool> KernelSearch::has_right_numbers(KernelTrial::Ready& ready, const KernelConfig& config) const {
  BP_TRY(const auto all, trial_.results(ready));
  if (!space_.changes_bits(config)) return trial_.difference(all, wanted_) == 0;
  if (trial_.difference(all, wanted_) > trial_.tolerance()) return false;
  if (reference_.empty()) return true;
  BP_TRY(const auto few, trial_.results(ready, TrialSize::kFew));
  return trial_.difference(few, reference_) <= trial_.tolerance();
}

// Each beside the default, since a machine is faster at one time than at another; at the bucket's largest sizes and
// at half of them, since what suits one may not suit the other.
Result<KernelSearch::Pairs> KernelSearch::time_pairs(KernelTrial::Ready& ready, int repeats) {
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

Result<KernelConfig> KernelSearch::confirm(const KernelConfig& best) {
  const double least = 1 - options_.least_gain;
  if (timed_.front().ratio >= least) return defaults_;
  BP_TRY(KernelTrial::Ready ready, trial_.prepare(best));
  BP_TRY(const Pairs pairs, time_pairs(ready, 2 * options_.repeats + 1));
  report_.default_us = pairs.default_us;
  report_.us = pairs.default_us;
  if (pairs.ratio >= least || pairs.share_faster < 0.75) return defaults_;
  report_.us = pairs.us;
  return best;
}

}  // namespace bp
