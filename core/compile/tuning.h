// The configurations that tuning has found, as planning asks for them. Not thread-safe: with the programs that one
// thread compiles.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compile/tuning_cache.h"
#include "graph/graph.h"
#include "graph/pattern.h"
#include "plugin_host/device.h"

namespace bp {

// What the time of a kernel depends on, as text: dtype, sizes and layout of each slot. A dynamic size is its bucket,
// "1..128". "f32[1..128,2048] q8_0[8192,2048]@cpu.r16@1 f32[1..128,8192]". `layouts` by slot; empty: as the file.
std::string tuning_problem(const Graph& graph, const Match& match, std::span<const std::string> layouts);

// "group_splits=4 ahead_bytes=2048". REQUIRES: a value for each tunable, or none: the defaults.
std::string config_text(const bp_kernel& kernel, std::span<const int64_t> config);
// The defaults.
std::vector<int64_t> default_config(const bp_kernel& kernel);
// The tunable at `index`, by the row's stride.
const bp_tunable& tunable_at(const bp_kernel& kernel, size_t index);

class Tuning {
 public:
  // Reads the results of `folder` (tuning_folder(); may be empty) and of the seed databases beside the plugins,
  // PLUGIN.so's being PLUGIN.tune.jsonl. `deterministic`: tunables that change bits keep their default, so that all
  // buckets have one value. The device outlives it.
  Tuning(Device& device, std::string folder, bool deterministic);

  // A value for each tunable; empty: the defaults. An entry that does not fit the row is left out with a line in the
  // log.
  std::vector<int64_t> config(const bp_kernel& kernel, const std::string& problem);
  // Whether a problem of this kernel can have an entry: without one its text need not be made.
  bool knows(const bp_kernel& kernel);
  // The measured time of a launch at the bucket's largest sizes.
  std::optional<double> tuned_us(const bp_kernel& kernel, const std::string& problem);

  // What config() was asked for since and there is no entry of: "cpu.matmul f32[1,64] …", each once.
  std::vector<std::string> take_missing();

  bool deterministic() const { return deterministic_; }
  // `plugin` is empty where its file cannot be read.
  TuningKey key(const bp_kernel& kernel, const std::string& problem);
  // What names a trial of this configuration in the journal.
  std::string trial_name(const bp_kernel& kernel, const std::string& problem, std::span<const int64_t> config);
  TuningCache& cache() { return cache_; }
  // Where the tuner of this device keeps its journal.
  std::string journal_path() const;

 private:
  const TuningEntry* find(const bp_kernel& kernel, const std::string& problem);
  const std::string& hash_of(const std::string& file);

  Device& device_;
  bool deterministic_;
  std::string fingerprint_;
  TuningCache cache_;
  std::map<std::string, std::string> hashes_;  // of plugin files, taken when the first entry is looked for
  std::set<std::string> missing_;
};

}  // namespace bp
