// [plugin.NAME]: the options that plugins publish themselves. Their tables are known only once the plugins are loaded,
// whose folders the configuration says; so they are checked in a second call.
// Thread-safety: free functions on values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/options.h"
#include "config/problem.h"

namespace bp {

struct PluginOptionTable {
  std::string plugin;
  std::vector<OptionSpec> options;  // keys without "plugin.NAME."
};

// An option as a plugin describes it in words: type "bool", "int", "float", "string", "size", "duration", or choices as
// "a|b|c". An unknown type is a string. The parts may be empty.
struct PluginOptionText {
  std::string key, type{}, default_value{}, min{}, max{}, doc{};
};
OptionSpec plugin_option_spec(const PluginOptionText& text);

// What was said of a plugin's option, before or after the check; nothing where only the default holds.
std::optional<std::string> plugin_option(const Config& config, std::string_view plugin, std::string_view key);

struct PluginCheck {
  std::vector<ConfigProblem> problems;  // unknown keys and wrong values of known plugins
  std::vector<ConfigProblem> warnings;  // sections of plugins that are not here
};

// Checks config.plugin_settings against the tables and adds the defaults of what nobody set.
PluginCheck check_plugin_options(Config& config, std::span<const PluginOptionTable> tables);

}  // namespace bp
