// JSON of files and requests: Boost.JSON's value type, parsed with limits and written as Python's json.dumps writes it.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bp {

namespace json = boost::json;

struct JsonLimits {
  size_t max_bytes = size_t{256} << 20;
  size_t max_depth = 64;
};

// Parses one document. `where` names it in errors (kRefused, with the byte offset). Object order is kept.
Result<json::value> parse_json(std::string_view text, std::string_view where, const JsonLimits& limits = {});

struct JsonStyle {
  int indent = -1;            // < 0: one line
  bool ensure_ascii = false;  // non-ASCII as \uXXXX
  bool sort_keys = false;
  std::string_view item_separator = ", ";  // with an indent, the caller passes ","
  std::string_view key_separator = ": ";
};

// Numbers as Python's repr writes them (shortest digits that read back), NaN and infinities as Python does.
std::string write_json(const json::value& value, const JsonStyle& style = {});
// A quoted JSON string.
std::string write_json_string(std::string_view text, bool ensure_ascii = false);
// A double as Python's repr: "1.0", "0.1", "1e+16", "nan" → "NaN".
std::string write_json_double(double value);

}  // namespace bp
