// backplane plugins …: one file for each. Thread-safety: free functions.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/command.h"
#include "plugin_host/verdict.h"

namespace bp::cli {

json::object verdict_json(const PluginVerdict& verdict);
// A line, and where it has a reason a second one.
std::string verdict_text(const PluginVerdict& verdict);

// Examines one file as if it had just been installed, and tries each of its devices. Errors: kRefused with the verdict.
Status verify_plugin(const GlobalOptions& global, const std::string& file);
// The kernel rows of the devices.
Status list_kernels(const GlobalOptions& global);

}  // namespace bp::cli
