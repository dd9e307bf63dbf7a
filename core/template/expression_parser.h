// The part of the parser that reads expressions. An error is sticky: the tokens end there.
// Not thread-safe: one per parse.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "template/ast.h"
#include "template/lexer.h"

namespace bp::jinja {

class ExpressionParser {
 protected:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

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
  NameId intern(const std::string& name);

  ExpressionPtr parse_expression(bool with_condition = true);
  // a, b, c without brackets: one expression, or a tuple.
  ExpressionPtr parse_tuple(bool with_condition = true);
  ExpressionPtr parse_filters(ExpressionPtr node);
  // |name(args) without the value: of filter blocks and set blocks.
  ExpressionPtr parse_filter(ExpressionPtr node);
  ExpressionPtr parse_target(bool with_attribute);

  int nesting_ = 0;
  std::vector<std::string> names_;
  std::string error_;
  int error_line_ = 0;

 private:
  friend class Nesting;

  ExpressionPtr make(ExpressionKind kind, int line) const;
  ExpressionPtr done(ExpressionPtr node);
  ExpressionPtr parse_condition();
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_compare();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concat();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filters);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_name();
  ExpressionPtr parse_number();
  ExpressionPtr parse_string();
  ExpressionPtr parse_parenthesis();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr node);
  ExpressionPtr parse_attribute(ExpressionPtr node);
  ExpressionPtr parse_subscript(ExpressionPtr node);
  ExpressionPtr parse_call(ExpressionPtr node);
  ExpressionPtr parse_test(ExpressionPtr node);
  void parse_arguments(Expression& call);
  bool at_tuple_end() const;
  bool compare_op(Op& op);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::unordered_map<std::string, NameId> name_ids_;
};

}  // namespace bp::jinja
