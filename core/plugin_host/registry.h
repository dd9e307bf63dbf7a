// Finds, checks and loads the plugins of this process, and opens their devices.
// Not thread-safe; one at a time in a process. It outlives the devices it opened. discover() never fails: a file that
// cannot be used has its verdict and reason, every file found exactly one. What each file goes through:
// docs/plugin_abi.md, "Loading and verdicts".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plugin_host/device.h"
#include "plugin_host/verdict.h"

namespace bp {

class LoadedPlugin;
class LoadingPipeline;
struct ClearedFile;
struct FoundFile;

// A plugin's name, and the SHA-256 of the one file that may have it, in 64 lower-case hexadecimal digits.
struct PluginPin {
  std::string plugin, sha256;
};

enum class ProbeMode {
  kAuto,      // a file that is new is tried in another process first; where the helper is missing, a warning is given
  kRequired,  // and where the helper is missing, the file is refused
  kOff,       // never; what was found to crash is loaded as well
};

// Where plugins are looked for, in this order: `paths`, `dirs`, $BACKPLANE_PLUGIN_PATH, the folder beside the program,
// the system's. Never the current folder.
struct PluginSearch {
  std::vector<std::string> paths{};  // files
  std::vector<std::string> dirs{};
  std::vector<std::string> allow{};  // plugin names; empty = all
  bool use_environment = true;       // ignored under setuid
  bool use_default_dirs = true;      // the folder beside the program and the system's
  std::vector<PluginPin> pins{};
  std::string cache_dir{};  // models.cache_dir: where copies of plugins and what is known of them are kept
  ProbeMode probe = ProbeMode::kAuto;
  int64_t probe_timeout_ms = 10'000;
  bool stage = true;        // load private copies; false: the files themselves, with nothing kept for the next start
  bool fresh = false;       // look at everything anew, whatever is known of it
  bool probe_open = false;  // the probe also opens, uses and closes each device
};

// What the host gives its plugins.
struct HostCallbacks {
  // The value of a plugin's own option as its table [plugin.NAME] says it, or nothing. Any thread.
  std::function<std::optional<std::string>(std::string_view plugin, std::string_view key)> option;
  // The ops of this host, "matmul@1": the only ones that intern() knows. Views need not outlive the call.
  std::vector<std::string> ops;
  // One op run on a device that is opened for the first time: an error is the verdict SELFTEST. Empty: no self-test.
  std::function<Status(Device&)> self_test{};
  // Told which step of loading a plugin comes now; for the probe.
  std::function<void(std::string_view step)> on_step{};
};

// One key of [plugin.NAME], as the plugin documents it.
struct PluginOption {
  std::string key, type{}, default_value{}, min{}, max{}, doc{};
};

struct PluginOptions {
  std::string plugin;
  std::vector<PluginOption> options;
};

class PluginRegistry {
 public:
  static std::unique_ptr<PluginRegistry> discover(const PluginSearch& search, HostCallbacks callbacks = {});
  ~PluginRegistry();
  PluginRegistry(const PluginRegistry&) = delete;
  PluginRegistry& operator=(const PluginRegistry&) = delete;

  // One for each file found, in the order of the search.
  std::span<const PluginVerdict> verdicts() const { return verdicts_; }
  // Of all plugins that were loaded, unusable ones included. Ids are unique.
  std::span<const DeviceInfo> devices() const { return devices_; }
  // Of all plugins that were loaded, those without options left out.
  std::span<const PluginOptions> options() const { return options_; }

  // "cpu:0", or "auto": the best usable one. kDevice with what was found and why it will not do.
  Result<std::unique_ptr<Device>> open(std::string_view id);

  // Looks again, as discover() did. What is new or has another content is loaded beside what runs (a new generation),
  // what is as it was stays. open() gives devices of the new generation from now on; those opened before live on, and
  // their plugin is shut down with the last of them. Where a file was replaced by one that is refused, its generation
  // before stays in use. Any thread may use devices meanwhile.
  struct Reload {
    std::vector<std::string> loaded, kept, retired;  // names of plugins
  };
  Reload reload();
  // The probe helper that new plugins are tried with; empty: none was found.
  std::string probe_helper() const;
  // The folders looked into.
  std::span<const std::string> places() const { return places_; }

 private:
  using Plugins = std::vector<std::shared_ptr<const LoadedPlugin>>;
  PluginRegistry(PluginSearch search, HostCallbacks callbacks);
  void look();
  void add(const FoundFile& file, LoadingPipeline& pipeline, const Plugins& before);
  Checked<void> load(PluginVerdict& verdict, LoadingPipeline& pipeline);
  Checked<std::shared_ptr<const LoadedPlugin>> load_cleared(const std::string& file, const ClearedFile& cleared);
  Checked<void> check_wanted(const std::string& name) const;
  void add_plugin(std::shared_ptr<const LoadedPlugin> plugin);
  void add_devices(const LoadedPlugin& plugin);
  void warn_of_unfound() const;
  const DeviceInfo* find(std::string_view id) const;
  const DeviceInfo* best() const;
  Result<std::unique_ptr<Device>> open_tested(const DeviceInfo& info);
  Error fail_self_test(const std::string& id, const LoadedPlugin& plugin, const Error& why);

  PluginSearch search_;
  std::vector<std::string> places_;                             // the folders looked into
  std::unique_ptr<HostCallbacks> callbacks_;                    // its address is the plugins'
  Plugins plugins_;                                             // the newest generation
  std::vector<std::weak_ptr<const LoadedPlugin>> generations_;  // all that may be alive
  std::set<std::string> tested_;                                // "file of the copy, device id" that passed
  std::vector<PluginVerdict> verdicts_;
  std::vector<DeviceInfo> devices_;
  std::vector<PluginOptions> options_;
};

}  // namespace bp
