// Why a device cannot be had: what was found, and why each of it will not do. Thread-safety: a free function on values.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "plugin_host/registry.h"

namespace bp {

// The error for "cuda:0" or "auto", neither of which is usable. `places`: the folders looked into.
Error missing_device(std::string_view id, std::span<const DeviceInfo> devices, std::span<const PluginVerdict> verdicts,
                     std::span<const std::string> places);

}  // namespace bp
