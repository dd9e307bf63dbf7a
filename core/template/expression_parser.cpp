// The operators of expressions, from the loosest to the tightest.
#include "template/expression_parser.h"

#include <algorithm>

#include "template/nesting.h"

namespace bp::jinja {

NameId ExpressionParser::intern(const std::string& name) {
  const auto [it, is_new] = name_ids_.emplace(name, static_cast<NameId>(names_.size()));
  if (is_new) names_.push_back(name);
  return it->second;
}

ExpressionPtr ExpressionParser::make(ExpressionKind kind, int line) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  return node;
}

// Every finished node passes here: chains of postfixes nest without the parser's own depth showing it.
ExpressionPtr ExpressionParser::done(ExpressionPtr node) {
  int depth = 0;
  for (const auto& child : node->children) depth = std::max(depth, child != nullptr ? child->depth : 0);
  for (const auto& keyword : node->keywords) depth = std::max(depth, keyword.value->depth);
  for (const auto* splat : {node->splat.get(), node->named_splat.get()}) {
    depth = std::max(depth, splat != nullptr ? splat->depth : 0);
  }
  node->depth = depth + 1;
  if (node->depth > kMaxNesting) fail("it is nested too deeply");
  return node;
}

ExpressionPtr ExpressionParser::parse_expression(bool with_condition) {
  const Nesting nesting(*this);
  if (failed()) return make(ExpressionKind::kConstant, 0);
  return with_condition ? parse_condition() : parse_or();
}

ExpressionPtr ExpressionParser::parse_condition() {
  ExpressionPtr then = parse_or();
  while (!failed() && at_name("if")) {
    ExpressionPtr node = make(ExpressionKind::kCondition, next().line);
    node->children.push_back(parse_or());
    node->children.push_back(std::move(then));
    if (skip_name("else")) node->children.push_back(parse_expression());
    then = done(std::move(node));
  }
  return then;
}

ExpressionPtr ExpressionParser::parse_or() {
  ExpressionPtr first = parse_and();
  if (!at_name("or")) return first;
  ExpressionPtr node = make(ExpressionKind::kOr, peek().line);
  node->children.push_back(std::move(first));
  while (skip_name("or")) node->children.push_back(parse_and());
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_and() {
  ExpressionPtr first = parse_not();
  if (!at_name("and")) return first;
  ExpressionPtr node = make(ExpressionKind::kAnd, peek().line);
  node->children.push_back(std::move(first));
  while (skip_name("and")) node->children.push_back(parse_not());
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_not() {
  if (!at_name("not")) return parse_compare();
  const Nesting nesting(*this);
  ExpressionPtr node = make(ExpressionKind::kNot, next().line);
  node->children.push_back(parse_not());
  return done(std::move(node));
}

bool ExpressionParser::compare_op(Op& op) {
  static constexpr std::pair<std::string_view, Op> kOps[] = {{"==", Op::kEqual},  {"!=", Op::kNotEqual},
                                                             {"<", Op::kLess},    {"<=", Op::kLessEqual},
                                                             {">", Op::kGreater}, {">=", Op::kGreaterEqual}};
  for (const auto& [text, value] : kOps) {
    if (skip_operator(text)) {
      op = value;
      return true;
    }
  }
  if (skip_name("in")) {
    op = Op::kIn;
    return true;
  }
  if (at_name("not") && peek(1).kind == TokenKind::kName && peek(1).text == "in") {
    next();
    next();
    op = Op::kNotIn;
    return true;
  }
  return false;
}

ExpressionPtr ExpressionParser::parse_compare() {
  ExpressionPtr first = parse_sum();
  Op op{};
  const int line = peek().line;
  if (!compare_op(op)) return first;
  ExpressionPtr node = make(ExpressionKind::kCompare, line);
  node->children.push_back(std::move(first));
  do {
    node->ops.push_back(op);
    node->children.push_back(parse_sum());
  } while (!failed() && compare_op(op));
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_sum() {
  ExpressionPtr first = parse_concat();
  if (!at_operator("+") && !at_operator("-")) return first;
  ExpressionPtr node = make(ExpressionKind::kChain, peek().line);
  node->children.push_back(std::move(first));
  while (at_operator("+") || at_operator("-")) {
    node->ops.push_back(next().text == "+" ? Op::kAdd : Op::kSubtract);
    node->children.push_back(parse_concat());
  }
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_concat() {
  ExpressionPtr first = parse_product();
  if (!at_operator("~")) return first;
  ExpressionPtr node = make(ExpressionKind::kConcat, peek().line);
  node->children.push_back(std::move(first));
  while (skip_operator("~")) node->children.push_back(parse_product());
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_product() {
  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {"*", Op::kMultiply}, {"/", Op::kDivide}, {"//", Op::kFloorDivide}, {"%", Op::kModulo}};
  const auto op_here = [&]() -> const Op* {
    for (const auto& [text, op] : kOps) {
      if (at_operator(text)) return &op;
    }
    return nullptr;
  };
  ExpressionPtr first = parse_power();
  if (op_here() == nullptr) return first;
  ExpressionPtr node = make(ExpressionKind::kChain, peek().line);
  node->children.push_back(std::move(first));
  while (const Op* op = op_here()) {
    next();
    node->ops.push_back(*op);
    node->children.push_back(parse_power());
  }
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_power() {
  ExpressionPtr first = parse_unary(true);
  if (!at_operator("**")) return first;
  ExpressionPtr node = make(ExpressionKind::kChain, peek().line);
  node->children.push_back(std::move(first));
  while (skip_operator("**")) {
    node->ops.push_back(Op::kPower);
    node->children.push_back(parse_unary(true));
  }
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_unary(bool with_filters) {
  const Nesting nesting(*this);
  if (failed()) return make(ExpressionKind::kConstant, 0);
  ExpressionPtr node;
  if (at_operator("-") || at_operator("+")) {
    const Token sign = next();
    node = make(sign.text == "-" ? ExpressionKind::kNegate : ExpressionKind::kPlus, sign.line);
    node->children.push_back(parse_unary(false));
    node = done(std::move(node));
  } else {
    node = parse_postfix(parse_primary());
  }
  return with_filters ? parse_filters(std::move(node)) : std::move(node);
}

}  // namespace bp::jinja
