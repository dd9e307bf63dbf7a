// What is wrong with the configuration: all of it at once, each with its place. Plain values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace bp {

struct ConfigProblem {
  std::string file{};   // or "$HF_ENDPOINT", "command line"
  uint32_t line = 0;    // 0: the source has no lines
  uint32_t column = 0;  // from 1, in characters
  std::string key{};    // may be empty: a syntax error
  std::string what{};   // reads on from the key: "= 24 is not a power of two"
  std::string fix{};

  // "backplane.toml:14:13"
  std::string where() const;
  // "backplane.toml:14:13: kv.page_size = 24 is not a power of two; use 16, 32 or 64", on one line.
  std::string text() const;
};

// All of them as one error (kConfig). REQUIRES: not empty.
Error config_error(std::span<const ConfigProblem> problems);

}  // namespace bp
