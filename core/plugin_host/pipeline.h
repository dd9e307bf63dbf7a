// What a plugin file goes through before any of its code runs in this process: trust, static check, staged copy, probe.
// docs/plugin_abi.md, "Loading and verdicts", tells the order. Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plugin_host/manifest.h"
#include "plugin_host/registry.h"
#include "plugin_host/staging.h"
#include "plugin_host/verdict_cache.h"

namespace bp {

// A file that may be loaded.
struct ClearedFile {
  std::string path;    // of the copy to load
  std::string sha256;  // of its content; empty where there is no copy
  Manifest manifest;
  std::vector<std::string> missing_libs;  // should the loader find one missing
};

class LoadingPipeline {
 public:
  // `folders`: looked into, for the probe helper. All of it outlives the pipeline.
  LoadingPipeline(const PluginSearch& search, std::span<const std::string> folders, std::span<const std::string> ops);
  // Keeps what was learnt for the next start, and removes old copies.
  ~LoadingPipeline();
  LoadingPipeline(const LoadingPipeline&) = delete;
  LoadingPipeline& operator=(const LoadingPipeline&) = delete;

  // Whether a plugin of that manifest is wanted at all: asked before its file is copied.
  using Wanted = std::function<Checked<void>(const Manifest&)>;
  // `verdict.file` is examined; name and version are filled in as soon as they are known.
  Checked<ClearedFile> clear(PluginVerdict& verdict, const Wanted& wanted);

 private:
  const KnownFile* find_known(const std::string& path, const RegularFile& file) const;
  Checked<Manifest> inspect(const ElfImage& image, PluginVerdict& verdict, const Wanted& wanted) const;
  Checked<StagedCopy> make_copy(RegularFile file, PluginVerdict& verdict, const Wanted& wanted);
  Checked<void> check_pin(const std::string& file, const Manifest& manifest, const StagedCopy& copy, bool known) const;
  // Runs the helper unless the file is known; remembers what comes of it.
  Checked<void> check_probe(const std::string& file, const StagedCopy& copy, const KnownFile* known);
  Checked<void> check_unprobed(const std::string& file, const StagedCopy& copy, const KnownFile* known);
  void remember(const std::string& file, const StagedCopy& copy, std::string probed_by, std::optional<Refusal> refusal);
  const StagingFolder* staging();
  // Found when it is first needed; empty: there is none.
  const std::string& helper();

  const PluginSearch& search_;
  std::span<const std::string> folders_, ops_;
  std::string folder_;  // of the cache; empty: none is known
  VerdictCache cache_;
  std::optional<StagingFolder> staging_;
  bool staging_tried_ = false;
  std::optional<std::string> helper_;
  std::string stamp_;  // of the helper
};

// Where copies and verdicts are kept: empty under setuid, where the environment counts for nothing.
std::string plugin_cache_folder(const std::string& cache_dir);

}  // namespace bp
