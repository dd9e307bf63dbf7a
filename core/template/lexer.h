// Cuts a template into text and tokens, with jinja2's rules for white space around tags (trim_blocks, lstrip_blocks).
// Thread-safety: pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bp::jinja {

enum class TokenKind : uint8_t {
  kText,           // outside of tags
  kVariableBegin,  // {{
  kVariableEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,  // text: its value
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  std::string text;
};

// The last token is kEnd. Errors: kRefused with `where` and the line.
Result<std::vector<Token>> tokenize(std::string_view source, std::string_view where);

}  // namespace bp::jinja
