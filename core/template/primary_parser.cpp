// What expressions are made of: names, numbers, texts and brackets; and what can be assigned to.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "template/expression_parser.h"
#include "template/nesting.h"

namespace bp::jinja {

ExpressionPtr ExpressionParser::parse_primary() {
  switch (peek().kind) {
    case TokenKind::kName:
      return parse_name();
    case TokenKind::kString:
      return parse_string();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return parse_number();
    default:
      break;
  }
  if (at_operator("(")) return parse_parenthesis();
  if (at_operator("[")) return parse_list();
  if (at_operator("{")) return parse_dict();
  fail(peek().kind == TokenKind::kOperator ? fmt::format("unexpected '{}'", peek().text) : "an expression is missing");
  return make(ExpressionKind::kConstant, 0);
}

ExpressionPtr ExpressionParser::parse_name() {
  const Token token = next();
  ExpressionPtr node = make(ExpressionKind::kConstant, token.line);
  const std::string& t = token.text;
  if (t == "true" || t == "True" || t == "false" || t == "False") {
    node->value = Value::of(t == "true" || t == "True");
  } else if (t == "none" || t == "None") {
    node->value = Value::none();
  } else {
    node->kind = ExpressionKind::kName;
    node->name = intern(t);
  }
  return node;
}

ExpressionPtr ExpressionParser::parse_number() {
  const Token token = next();
  ExpressionPtr node = make(ExpressionKind::kConstant, token.line);
  if (token.kind == TokenKind::kFloat) {
    node->value = Value::of(std::strtod(token.text.c_str(), nullptr));
    return node;
  }
  int64_t number = 0;
  const char* end = token.text.data() + token.text.size();
  const auto [stop, error] = std::from_chars(token.text.data(), end, number);
  if (error != std::errc() || stop != end) fail(fmt::format("the number {} is too large", token.text.substr(0, 40)));
  node->value = Value::of(number);
  return node;
}

ExpressionPtr ExpressionParser::parse_string() {
  ExpressionPtr node = make(ExpressionKind::kConstant, peek().line);
  std::string text;
  while (peek().kind == TokenKind::kString) text += next().text;
  node->constant = std::make_unique<const Text>(std::move(text), false, Charge(nullptr, 0));
  (void)node->constant->n_chars();  // now, while no other thread sees it
  node->value = Value::of(node->constant.get());
  return node;
}

ExpressionPtr ExpressionParser::parse_parenthesis() {
  const int line = next().line;
  if (skip_operator(")")) return done(make(ExpressionKind::kTuple, line));
  ExpressionPtr node = parse_tuple();
  expect_operator(")");
  return node;
}

ExpressionPtr ExpressionParser::parse_list() {
  ExpressionPtr node = make(ExpressionKind::kList, next().line);
  while (!failed() && !at_operator("]")) {
    if (!node->children.empty()) expect_operator(",");
    if (at_operator("]")) break;
    node->children.push_back(parse_expression());
  }
  expect_operator("]");
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_dict() {
  ExpressionPtr node = make(ExpressionKind::kDict, next().line);
  while (!failed() && !at_operator("}")) {
    if (!node->children.empty()) expect_operator(",");
    if (at_operator("}")) break;
    node->children.push_back(parse_expression());
    expect_operator(":");
    node->children.push_back(parse_expression());
  }
  expect_operator("}");
  return done(std::move(node));
}

bool ExpressionParser::at_tuple_end() const {
  const TokenKind kind = peek().kind;
  return kind == TokenKind::kVariableEnd || kind == TokenKind::kBlockEnd || kind == TokenKind::kEnd ||
         at_operator(")") || at_name("recursive");
}

ExpressionPtr ExpressionParser::parse_tuple(bool with_condition) {
  const int line = peek().line;
  ExpressionPtr first = parse_expression(with_condition);
  if (!at_operator(",")) return first;
  ExpressionPtr node = make(ExpressionKind::kTuple, line);
  node->children.push_back(std::move(first));
  while (!failed() && skip_operator(",")) {
    if (at_tuple_end()) break;
    node->children.push_back(parse_expression(with_condition));
  }
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_target(bool with_attribute) {
  const int line = peek().line;
  const auto parse_one = [&]() -> ExpressionPtr {
    if (skip_operator("(")) {
      const Nesting nesting(*this);
      ExpressionPtr inner = failed() ? make(ExpressionKind::kConstant, line) : parse_target(false);
      expect_operator(")");
      return inner;
    }
    const Token name = next();
    if (name.kind != TokenKind::kName) fail("a name to assign to is missing");
    for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
      if (name.text == constant) fail(fmt::format("cannot assign to '{}'", constant));
    }
    ExpressionPtr node = make(ExpressionKind::kName, name.line);
    node->name = intern(name.text);
    return node;
  };
  ExpressionPtr first = parse_one();
  if (with_attribute && skip_operator(".")) {
    ExpressionPtr node = make(ExpressionKind::kAttribute, line);
    node->children.push_back(std::move(first));
    const Token name = next();
    if (name.kind != TokenKind::kName) fail("a name is missing behind '.'");
    node->text = name.text;
    return done(std::move(node));
  }
  if (!at_operator(",")) return first;
  ExpressionPtr tuple = make(ExpressionKind::kTuple, line);
  tuple->children.push_back(std::move(first));
  while (!failed() && skip_operator(",")) {
    if (at_name("in") || at_operator("=")) break;
    tuple->children.push_back(parse_one());
  }
  return done(std::move(tuple));
}

}  // namespace bp::jinja
