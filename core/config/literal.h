// A value as a file or a flag has it, before anything is known of its meaning. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace bp {

// A value of a file that no option can take.
struct OtherLiteral {
  std::string kind;  // "a date", "a table"
};

// A value as a file has it.
struct Literal {
  std::variant<bool, int64_t, double, std::string, std::vector<Literal>, OtherLiteral> value;
};

}  // namespace bp
