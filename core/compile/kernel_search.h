// Looks for the configurations of one kernel that are faster than its default while nothing else runs: all of them
// where they are few, else one tunable after another from the best so far; or those that the plugin's tune/1 proposes.
// What gives other numbers than the default, or the reference, is out. Not thread-safe; what it is given outlives it.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <vector>

#include "compile/config_space.h"
#include "compile/kernel_trial.h"
#include "compile/tuned_kernel.h"
#include "compile/tuning.h"
#include "compile/tuning_journal.h"

namespace bp {

// So many configurations of a kernel are all tried.
constexpr size_t kFewConfigs = 24;

// The error where a device was lost while a kernel was tuned; fine where it was not.
Status lost_or_fine(Device& device, const bp_kernel& kernel);

class KernelSearch {
 public:
  KernelSearch(Tuning& tuning, TuningJournal& journal, const TunerOptions& options, KernelTrial& trial,
               TunedKernel& report)
      : tuning_(tuning),
        journal_(journal),
        options_(options),
        trial_(trial),
        report_(report),
        space_(trial.kernel(), tuning.deterministic()) {}

  // Those of `configs` that run and give the right numbers, without timing them. Fills in the report. Errors: as run().
  Result<std::vector<KernelConfig>> check(std::span<const KernelConfig> configs);
  // What is faster than the default, the fastest first, at most TunerOptions::n_finalists. Fills in the report. Errors:
  // kDevice where the device is lost, and the journal's.
  Result<std::vector<KernelConfig>> run();
  // Times the best once more, for longer, since the best of many is too good by chance: it, or the default where it is
  // not faster after all. REQUIRES: run() gave something.
  Result<KernelConfig> confirm(const KernelConfig& best);

 private:
  struct Pairs;
  struct Timed {
    KernelConfig config;
    double ratio;  // to the default's time
  };
  // Runs the default, which all others are held against; default_ stays empty where it cannot be tuned.
  Status start();
  Status calibrate();
  // Has the configuration noted as being tried while `f` runs, unless it killed a process before.
  template <class F>
  Status noted(const KernelConfig& config, F f);
  // Null where it cannot run or gives other numbers.
  Result<std::unique_ptr<KernelTrial::Ready>> prepare(const KernelConfig& config);
  Status try_all();
  Status try_one_by_one();
  const bp_ext_tune* extension() const;
  Status try_proposed(const bp_ext_tune& ext);
  Status consider(const KernelConfig& config);
  Status time(const KernelConfig& config);
  Status failed(const Error& error);
  Status lost_or_fine() const { return bp::lost_or_fine(trial_.device(), trial_.kernel()); }
  Result<bool> has_right_numbers(KernelTrial::Ready& ready, const KernelConfig& config) const;
  Result<Pairs> time_pairs(KernelTrial::Ready& ready, int repeats);
  // The fastest so far.
  const KernelConfig& best() const { return timed_.empty() ? defaults_ : timed_.front().config; }

  Tuning& tuning_;
  TuningJournal& journal_;
  const TunerOptions& options_;
  KernelTrial& trial_;
  TunedKernel& report_;
  ConfigSpace space_;
  const KernelConfig defaults_ = default_config(trial_.kernel());
  KernelTrial::Ready default_;
  std::vector<std::byte> wanted_, reference_;
  size_t n_launches_ = 1;
  std::set<KernelConfig> seen_;
  std::vector<Timed> timed_;  // faster than the default, the fastest first
  double last_us_ = 0;
};

}  // namespace bp
