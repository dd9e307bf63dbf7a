#include "template/token_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace bp::jinja {

void TokenReader::fail(std::string what) {
  if (failed()) return;
  error_line_ = peek().line;
  error_ = std::move(what);
  at_ = tokens_.size() - 1;
}

const Token& TokenReader::peek(size_t ahead) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }

Token TokenReader::next() {
  Token token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenReader::at_operator(std::string_view op) const {
  return peek().kind == TokenKind::kOperator && peek().text == op;
}

bool TokenReader::at_name(std::string_view name) const {
  return peek().kind == TokenKind::kName && peek().text == name;
}

bool TokenReader::skip_operator(std::string_view op) {
  if (!at_operator(op)) return false;
  next();
  return true;
}

bool TokenReader::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  next();
  return true;
}

void TokenReader::expect_operator(std::string_view op) {
  if (!skip_operator(op)) fail(fmt::format("expected '{}', got {:?}", op, peek().text));
}

void TokenReader::expect_name(std::string_view name) {
  if (!skip_name(name)) fail(fmt::format("expected '{}', got {:?}", name, peek().text));
}

}  // namespace bp::jinja
