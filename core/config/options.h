// The table of every key of backplane.toml: its type, range, default and what it does. docs/config.md is made from it.
// Thread-safety: immutable once built.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace bp {

enum class OptionType : uint8_t {
  kBool,
  kInt,
  kFloat,
  kString,
  kEnum,        // one of `choices`
  kStringList,  // each one of `choices`, where there are any
  kIntList,
  kSize,      // bytes: 4096, "512MiB", "4GB"
  kDuration,  // "250ms", "5s", "2m", "1h"
};

std::string_view option_type_name(OptionType type);

struct OptionSpec {
  std::string key{};
  OptionType type = OptionType::kString;
  std::string default_value{};  // as a file would have it
  std::string min{}, max{};     // of a number, or of each of a list; empty: none
  std::vector<std::string> choices{};
  std::string env{};  // the variable that overrides the file; empty: none
  std::string doc{};
  bool power_of_two = false;
  bool path = false;     // relative to the file that says it; "~/" is the home folder
  size_t min_items = 0;  // of a list
};

// Where a value goes in a Config.
using OptionTarget =
    std::variant<bool*, int64_t*, double*, std::string*, std::vector<std::string>*, std::vector<int64_t>*>;

struct ConfigOption {
  OptionSpec spec;
  OptionTarget (*target)(Config&);
};

struct ConfigSection {
  std::string name;
  std::string doc;
};

// In the order of the sections.
std::span<const ConfigOption> config_options();
std::span<const ConfigSection> config_sections();
// Null where there is no such key.
const ConfigOption* find_config_option(std::string_view key);

}  // namespace bp
