// Values of options: checked against the table, from a file's literals or from text, and written back.
// Thread-safety: free functions on values.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/literal.h"
#include "config/options.h"

namespace bp {

// kSize and kDuration are int64_t: bytes, ms.
using OptionValue = std::variant<bool, int64_t, double, std::string, std::vector<std::string>, std::vector<int64_t>>;

struct ValueProblem {
  std::string what;  // "= 24 is not a power of two"
  std::string fix;
};

std::expected<OptionValue, ValueProblem> check_literal(const OptionSpec& spec, const Literal& literal);

// From flags or the environment: the items of a list each on its own, or joined by commas; of others the last counts.
// REQUIRES: not empty.
Literal literal_of_text(const OptionSpec& spec, std::span<const std::string> texts);

// As a file would have it, so that it reads back as the same value.
std::string format_option(OptionType type, const OptionValue& value);
// Without quotes; items joined by commas.
std::string plain_option(OptionType type, const OptionValue& value);
// The same for a literal whose type is not known.
std::string format_literal(const Literal& literal);
// The beginning of it, for messages.
std::string shown_literal(const Literal& literal);
std::string plain_literal(const Literal& literal);

// "1 to 4096", "≥ 0", or empty.
std::string option_range(const OptionSpec& spec);

}  // namespace bp
