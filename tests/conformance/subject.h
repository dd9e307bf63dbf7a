// The plugin under test: its file brought through the host's pipeline, one of its devices opened, and the kernel rows
// that are its own.
// Not thread-safe; one at a time in a process, since a process has one set of plugins.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugin_host/manifest.h"
#include "plugin_host/registry.h"

namespace bp::conformance {

struct SubjectOptions {
  std::string file{};                            // the plugin
  int device = 0;                                // which of its devices
  std::map<std::string, std::string> options{};  // of the plugin, instead of its defaults
};

class Subject {
 public:
  // Errors: kRefused with the verdict, for a file that cannot be used; kDevice where it has no such device or the
  // device cannot be opened.
  static Result<std::unique_ptr<Subject>> open(const SubjectOptions& options);

  const Manifest& manifest() const { return manifest_; }
  // Brings kernels for another plugin's device: only those are under test.
  bool attached() const { return (manifest_.kinds & BP_KIND_DEVICE) == 0; }
  Device& device() const { return *device_; }
  // The device once more; it may be busy.
  Result<std::unique_ptr<Device>> open_again() { return registry_->open(device_->info().id); }
  // Its own, of all the device has.
  const std::vector<const bp_kernel*>& rows() const { return rows_; }
  bool has(const std::string& row) const;

 private:
  Subject() = default;
  Manifest manifest_;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
  std::vector<const bp_kernel*> rows_;
};

}  // namespace bp::conformance
