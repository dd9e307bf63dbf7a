// Reads a TOML document into a flat list of keys and values. The only file that sees toml++.
// Thread-safety: a free function on values. The text may be anything: size and nesting are limited before it is parsed.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/option_value.h"
#include "config/problem.h"

namespace bp {

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;

struct TomlEntry {
  std::string key;  // "kv.page_size"; parts that are no bare keys are quoted
  Literal literal;  // an empty table is an OtherLiteral
  uint32_t line = 0, column = 0;
};

// In the order of the file. `file` names it in the problem.
std::expected<std::vector<TomlEntry>, ConfigProblem> read_toml(std::string_view text, const std::string& file);

}  // namespace bp
