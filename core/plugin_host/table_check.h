// Strict checks of what a plugin's functions hand out, before anything of it is used. Everything is copied or bounded:
// a table that lies about its texts' ends is caught. Thread-safety: free functions on values.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "plugin_host/device.h"
#include "plugin_host/registry.h"
#include "plugin_host/verdict.h"

namespace bp {

// All refuse with BAD_TABLE.

// `kinds`: which functions are required.
Checked<void> check_plugin_api(const bp_plugin_api& api, uint32_t kinds);
Checked<std::vector<PluginOption>> check_options(const bp_plugin_api& api);
// One row that enumerate() wrote; `plugin` goes into the result.
Checked<DeviceInfo> check_device_info(const bp_device_info& raw, const std::string& plugin);
// A copy of the table, what an older plugin lacks zeroed. `attached`: only kernels and what they need are required.
Checked<bp_device_api> check_device_api(const bp_device_api* api, bool attached);
Checked<void> check_heaps(std::span<const bp_heap> heaps);
// Ids must be unique within the list.
Checked<void> check_kernels(const bp_kernel* const* kernels, uint32_t n);

}  // namespace bp
