// The configuration as the plugin host takes it. Thread-safety: free functions on values.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "plugin_host/registry.h"

namespace bp::cli {

// Errors: kConfig for pins that are none.
Result<PluginSearch> plugin_search(const Config& config);
// `config` outlives the registry that gets them.
HostCallbacks plugin_callbacks(const Config& config);

}  // namespace bp::cli
