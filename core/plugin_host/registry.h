// Finds, checks and loads the plugins of this process, and opens their devices.
// Not thread-safe; one at a time in a process. It outlives the devices it opened. discover() never fails: a file that
// cannot be used has its verdict and reason, every file found exactly one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plugin_host/device.h"
#include "plugin_host/verdict.h"

namespace bp {

struct FoundFile;

// Where plugins are looked for, in this order: `paths`, `dirs`, $BACKPLANE_PLUGIN_PATH, the folder beside the program,
// the system's. Never the current folder.
struct PluginSearch {
  std::vector<std::string> paths{};  // files
  std::vector<std::string> dirs{};
  std::vector<std::string> allow{};  // plugin names; empty = all
  bool use_environment = true;       // ignored under setuid
  bool use_default_dirs = true;      // the folder beside the program and the system's
};

// What the host gives its plugins.
struct HostCallbacks {
  // The value of a plugin's own option as its table [plugin.NAME] says it, or nothing. Any thread.
  std::function<std::optional<std::string>(std::string_view plugin, std::string_view key)> option;
  // The ops of this host, "matmul@1": the only ones that intern() knows. Views need not outlive the call.
  std::vector<std::string> ops;
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

 private:
  PluginRegistry(std::vector<std::string> allow, HostCallbacks callbacks);
  void add(const FoundFile& file);
  Checked<void> load(PluginVerdict& verdict);
  Checked<void> check_wanted(const std::string& name) const;
  void add_devices(const LoadedPlugin& plugin);
  void warn_of_unfound() const;
  const DeviceInfo* find(std::string_view id) const;
  const DeviceInfo* best() const;

  std::vector<std::string> allow_;
  std::vector<std::string> places_;           // the folders looked into
  std::unique_ptr<HostCallbacks> callbacks_;  // its address is the plugins'
  std::vector<std::unique_ptr<LoadedPlugin>> plugins_;
  std::vector<PluginVerdict> verdicts_;
  std::vector<DeviceInfo> devices_;
  std::vector<PluginOptions> options_;
};

}  // namespace bp
