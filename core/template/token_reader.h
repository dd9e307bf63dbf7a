// Reads the tokens of a template one after the other. An error is sticky: the tokens end there.
// Not thread-safe: one per parse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "template/lexer.h"

namespace bp::jinja {

class TokenReader {
 protected:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  bool failed() const { return !error_.empty(); }
  void fail(std::string what);

  const Token& peek(size_t ahead = 0) const;
  Token next();
  bool at_operator(std::string_view op) const;
  bool at_name(std::string_view name) const;
  bool skip_operator(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_operator(std::string_view op);
  void expect_name(std::string_view name);

  std::string error_;
  int error_line_ = 0;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace bp::jinja
