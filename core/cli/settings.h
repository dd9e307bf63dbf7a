// The configuration as the command line sees it: read with the global flags on top, and checked with what plugins
// publish.
#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "cli/command.h"
#include "config/config.h"
#include "config/load.h"
#include "plugin_host/registry.h"
#include "zoo/pull.h"

namespace bp::cli {

LoadInputs load_inputs(const GlobalOptions& options);
// Errors: kConfig, naming every problem.
Result<Config> read_settings(const GlobalOptions& options);
// Checks [plugin.NAME] and fills in defaults. Errors: kConfig, naming every problem; sections of plugins that are not
// here are warned of.
Status check_plugin_settings(Config& config, std::span<const PluginOptions> plugins);

PullOptions pull_options(const Config& config, bool progress, std::stop_token stop);
// "a, b, c"
std::string zoo_names();

}  // namespace bp::cli
