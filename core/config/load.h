// Finds, reads, merges and checks the configuration: flag > environment > file > default.
// Thread-safety: free functions; they read files and what LoadInputs gives them, nothing else.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/problem.h"

namespace bp {

// The value of a variable, or nothing where it is unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// getenv().
Environment process_environment();

struct LoadInputs {
  std::optional<std::string> file{};  // --config
  Environment environment{};          // empty: none is set
  // By key, as given on the command line: {"device.use", {"cpu:0"}}, {"log.level", {"debug"}}, {"plugin.cpu.threads",
  // {"4"}}. A key without values is as if it were not there.
  std::map<std::string, std::vector<std::string>, std::less<>> flags{};
};

// The file to read: --config, $BACKPLANE_CONFIG, ./backplane.toml, $XDG_CONFIG_HOME/backplane/backplane.toml. The first
// two need not exist to be named; empty where none is named and neither of the others exists.
std::string find_config_file(const LoadInputs& inputs);

// Every problem of every source at once. [plugin.NAME] is taken as it is: see check_plugin_options().
std::expected<Config, std::vector<ConfigProblem>> load_config(const LoadInputs& inputs);

// The same from the text of a file. `file` names it, and relative paths in it start at its folder.
std::expected<Config, std::vector<ConfigProblem>> load_config_text(std::string_view text, const std::string& file,
                                                                   const LoadInputs& inputs);

}  // namespace bp
