#include "template/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace bp::jinja {

// Counts how deep the parser is; beyond kMaxNesting the template is refused.
class Nesting {
 public:
  explicit Nesting(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nesting_ > kMaxNesting) parser_.fail("it is nested too deeply");
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  ExpressionParser& parser_;
};

void ExpressionParser::fail(std::string what) {
  if (failed()) return;
  error_line_ = peek().line;
  error_ = std::move(what);
  at_ = tokens_.size() - 1;
}

const Token& ExpressionParser::peek(size_t ahead) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }

Token ExpressionParser::next() {
  Token token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::at_operator(std::string_view op) const {
  return peek().kind == TokenKind::kOperator && peek().text == op;
}

bool ExpressionParser::at_name(std::string_view name) const {
  return peek().kind == TokenKind::kName && peek().text == name;
}

bool ExpressionParser::skip_operator(std::string_view op) {
  if (!at_operator(op)) return false;
  next();
  return true;
}

bool ExpressionParser::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  next();
  return true;
}

void ExpressionParser::expect_operator(std::string_view op) {
  if (!skip_operator(op)) fail(fmt::format("expected '{}', got {:?}", op, peek().text));
}

void ExpressionParser::expect_name(std::string_view name) {
  if (!skip_name(name)) fail(fmt::format("expected '{}', got {:?}", name, peek().text));
}

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
  node->value = Value::constant(std::move(text));
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
    if (at_operator("*") || at_operator("**")) return fail("arguments by * and ** are not supported");
    const bool named = peek().kind == TokenKind::kName && peek(1).kind == TokenKind::kOperator && peek(1).text == "=";
    if (named) {
      std::string name = next().text;
      next();
      call.keywords.push_back({std::move(name), parse_expression()});
    } else if (!call.keywords.empty()) {
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

ExpressionPtr ExpressionParser::parse_filter(ExpressionPtr of) {
  const Token name = next();
  if (name.kind != TokenKind::kName) fail("the name of a filter is missing");
  ExpressionPtr node = make(ExpressionKind::kFilter, name.line);
  node->text = name.text;
  node->children.push_back(std::move(of));
  if (at_operator("(")) parse_arguments(*node);
  return done(std::move(node));
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr of) {
  const int line = next().line;
  const bool negated = skip_name("not");
  const Token name = next();
  if (name.kind != TokenKind::kName) fail("the name of a test is missing");
  ExpressionPtr node = make(ExpressionKind::kTest, line);
  node->text = name.text;
  node->children.push_back(std::move(of));
  const TokenKind kind = peek().kind;
  const bool names_argument = kind == TokenKind::kName && !at_name("else") && !at_name("or") && !at_name("and");
  if (at_operator("(")) {
    parse_arguments(*node);
  } else if (names_argument && at_name("is")) {
    fail("tests cannot be chained with 'is'");
  } else if ((names_argument && !at_name("if") && !at_name("not")) || kind == TokenKind::kString ||
             kind == TokenKind::kInteger || kind == TokenKind::kFloat || at_operator("[") || at_operator("{")) {
    node->children.push_back(parse_postfix(parse_primary()));
  }
  node = done(std::move(node));
  if (!negated) return node;
  ExpressionPtr negation = make(ExpressionKind::kNot, line);
  negation->children.push_back(std::move(node));
  return done(std::move(negation));
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
