// The configuration for `backplane config`: what holds and where it came from, and the reference page.
// Thread-safety: free functions on values.
#pragma once

#include <span>
#include <string>

#include "base/json.h"
#include "config/config.h"
#include "config/problem.h"

namespace bp {

// {"file": …|null, "settings": [{"key", "value", "source", "where"}]}; values have the types of the file.
json::value config_to_json(const Config& config);
// One line for each key: key = value  # where it came from.
std::string config_to_text(const Config& config);
// {"problems": [{"file", "line", "column", "key", "what", "fix"}]}
json::value problems_to_json(std::span<const ConfigProblem> problems);

// docs/config.md, made from the table of options.
std::string config_docs();
// A backplane.toml with every key and its default: the example of the page.
std::string config_example();

}  // namespace bp
