// Which device, and with which plugins. Part of <backplane/backplane.h>.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bp::api {

// What happens to an op that the device has no kernel for: the reference runs it on the host, slowly.
enum class Fallback : uint8_t { kError, kWarn, kAllow };

// The plugins of a process are found once, by the first that asks; while anything uses a device, another choice of
// folders or options is an error (kUsage).
struct DeviceOptions {
  std::string device = "auto";  // "cpu:0", "reference", or "auto": the best there is
  // Folders with plugins, besides $BACKPLANE_PLUGIN_PATH, ../lib/backplane/plugins beside the program and the system's.
  std::vector<std::string> plugin_dirs = {};
  std::map<std::string, std::string> plugin_options = {};  // "cpu.threads" = "4": as [plugin.cpu] of the configuration
  Fallback op_fallback = Fallback::kWarn;
  std::vector<std::string> deny_kernels = {};   // row ids that are never used
  std::vector<std::string> force_kernels = {};  // row ids preferred over every other that matches
};

struct DeviceInfo {
  std::string id;    // "cpu:0"
  std::string name;  // "AMD EPYC 9654"
  std::string plugin, arch, driver;
  uint64_t memory_bytes = 0;
  std::string why;  // empty: usable; else why it cannot be used
};

// Every device of every plugin that was found. Of `options` the folders and plugin options count.
std::vector<DeviceInfo> devices(const DeviceOptions& options = {});

}  // namespace bp::api
