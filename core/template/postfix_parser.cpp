// What may follow an expression: .name, [index], (arguments), |filter, is test.
#include <fmt/format.h>

#include <cstdlib>

#include "template/expression_parser.h"

namespace bp::jinja {

ExpressionPtr ExpressionParser::parse_postfix(ExpressionPtr node) {
  while (!failed()) {
    if (at_operator(".")) {
      node = parse_attribute(std::move(node));
    } else if (at_operator("[")) {
      node = parse_subscript(std::move(node));
    } else if (at_operator("(")) {
      node = parse_call(std::move(node));
    } else {
      break;
    }
  }
  return node;
}

ExpressionPtr ExpressionParser::parse_attribute(ExpressionPtr of) {
  ExpressionPtr node = make(ExpressionKind::kAttribute, next().line);
  node->children.push_back(std::move(of));
  const Token name = next();
  if (name.kind == TokenKind::kName) {
    node->text = name.text;
  } else if (name.kind == TokenKind::kInteger) {  // a.0 is a[0]
    node->kind = ExpressionKind::kItem;
    ExpressionPtr index = make(ExpressionKind::kConstant, name.line);
    index->value = Value::of(static_cast<int64_t>(std::strtoll(name.text.c_str(), nullptr, 10)));
    node->children.push_back(std::move(index));
  } else {
    fail("a name is missing behind '.'");
  }
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_subscript(ExpressionPtr of) {
  ExpressionPtr node = make(ExpressionKind::kItem, next().line);
  node->children.push_back(std::move(of));
  const auto part = [&]() -> ExpressionPtr {
    return at_operator(":") || at_operator("]") ? nullptr : parse_expression();
  };
  ExpressionPtr first = part();
  if (at_operator(":")) {
    node->kind = ExpressionKind::kSlice;
    node->children.push_back(std::move(first));
    next();
    node->children.push_back(part());
    node->children.push_back(skip_operator(":") ? part() : nullptr);
  } else if (first == nullptr) {
    fail("an index is missing");
  } else if (at_operator(",")) {
    ExpressionPtr tuple = make(ExpressionKind::kTuple, node->line);
    tuple->children.push_back(std::move(first));
    while (!failed() && skip_operator(",")) tuple->children.push_back(parse_expression());
    node->children.push_back(done(std::move(tuple)));
  } else {
    node->children.push_back(std::move(first));
  }
  expect_operator("]");
  return done(std::move(node));
}

void ExpressionParser::parse_arguments(Expression& call) {
  expect_operator("(");
  bool first = true;
  while (!failed() && !at_operator(")")) {
    if (!first) expect_operator(",");
    first = false;
    if (at_operator(")")) break;
    const bool after_splat = call.splat != nullptr || call.named_splat != nullptr;
    if (skip_operator("*")) {
      if (after_splat) return fail("there are two arguments by *");
      call.splat = parse_expression();
    } else if (skip_operator("**")) {
      if (call.named_splat != nullptr) return fail("there are two arguments by **");
      call.named_splat = parse_expression();
    } else if (peek().kind == TokenKind::kName && peek(1).kind == TokenKind::kOperator && peek(1).text == "=") {
      if (call.named_splat != nullptr) return fail("an argument with a name follows one by **");
      std::string name = next().text;
      next();
      call.keywords.push_back({std::move(name), parse_expression()});
    } else if (!call.keywords.empty() || after_splat) {
      return fail("an argument without a name follows one with a name");
    } else {
      call.children.push_back(parse_expression());
    }
  }
  expect_operator(")");
}

ExpressionPtr ExpressionParser::parse_call(ExpressionPtr callee) {
  ExpressionPtr node = make(ExpressionKind::kCall, peek().line);
  node->children.push_back(std::move(callee));
  parse_arguments(*node);
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_filters(ExpressionPtr node) {
  while (!failed()) {
    if (skip_operator("|")) {
      node = parse_filter(std::move(node));
    } else if (at_name("is")) {
      node = parse_test(std::move(node));
    } else if (at_operator("(")) {
      node = parse_call(std::move(node));
    } else {
      break;
    }
  }
  return node;
}

// Filters and tests may have dots in their names, though none of jinja2's own has.
std::string ExpressionParser::parse_dotted_name(std::string_view of) {
  const auto part = [&]() -> std::string {
    const Token name = next();
    if (name.kind != TokenKind::kName) fail(fmt::format("the name of a {} is missing", of));
    return name.text;
  };
  std::string name = part();
  while (!failed() && skip_operator(".")) name += "." + part();
  return name;
}

ExpressionPtr ExpressionParser::parse_filter(ExpressionPtr of) {
  ExpressionPtr node = make(ExpressionKind::kFilter, peek().line);
  node->text = parse_dotted_name("filter");
  node->children.push_back(std::move(of));
  if (at_operator("(")) parse_arguments(*node);
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr of) {
  const int line = next().line;
  const bool negated = skip_name("not");
  ExpressionPtr node = make(ExpressionKind::kTest, line);
  node->text = parse_dotted_name("test");
  node->children.push_back(std::move(of));
  const TokenKind kind = peek().kind;
  const bool names_argument = kind == TokenKind::kName && !at_name("else") && !at_name("or") && !at_name("and");
  if (at_operator("(")) {
    parse_arguments(*node);
  } else if (names_argument && at_name("is")) {
    fail("tests cannot be chained with 'is'");
  } else if (names_argument || kind == TokenKind::kString || kind == TokenKind::kInteger || kind == TokenKind::kFloat ||
             at_operator("[") || at_operator("{")) {
    node->children.push_back(parse_postfix(parse_primary()));
  }
  node = done(std::move(node));
  if (!negated) return node;
  ExpressionPtr negation = make(ExpressionKind::kNot, line);
  negation->children.push_back(std::move(node));
  return done(std::move(negation));
}

}  // namespace bp::jinja
