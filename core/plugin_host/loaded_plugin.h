// A plugin whose entry has been called and whose tables were checked.
// Not thread-safe; neither copied nor moved. Destroying it calls shutdown; its code stays mapped until the process
// ends.
#pragma once

#include <backplane/plugin.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plugin_host/host_services.h"
#include "plugin_host/library.h"
#include "plugin_host/manifest.h"
#include "plugin_host/verdict.h"

namespace bp {

class LoadedPlugin {
 public:
  // Runs the plugin's code. Refuses MISSING_LIBS, NO_ENTRY, ENTRY_FAILED, BAD_TABLE, NO_DEVICE; nothing of it is left
  // then. `callbacks` outlives the plugin.
  // `code` is loaded: the private copy of `file`, or that itself.
  static Checked<std::unique_ptr<LoadedPlugin>> load(std::string file, std::string code, Manifest manifest,
                                                     const HostCallbacks& callbacks);
  ~LoadedPlugin();
  LoadedPlugin(const LoadedPlugin&) = delete;
  LoadedPlugin& operator=(const LoadedPlugin&) = delete;

  const std::string& name() const { return manifest_.name; }
  // Where it was found, and the file that its code was loaded from.
  const std::string& file() const { return file_; }
  const std::string& code() const { return code_; }
  const Manifest& manifest() const { return manifest_; }
  const bp_plugin_api& api() const { return api_; }
  std::span<const DeviceInfo> devices() const { return devices_; }
  const PluginOptions& options() const { return services_->options; }

 private:
  LoadedPlugin(std::string file, std::string code, Manifest manifest, Library library, const HostCallbacks& callbacks);
  Checked<void> call_entry();
  Checked<void> enumerate();

  std::string file_, code_;
  Manifest manifest_;
  Library library_;
  std::unique_ptr<HostServices> services_;
  bp_plugin_api api_{};
  bool entered_ = false;
  std::vector<DeviceInfo> devices_;
};

}  // namespace bp
