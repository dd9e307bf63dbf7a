// The part of the parser that reads expressions.
// Not thread-safe: one per parse.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "template/ast.h"
#include "template/token_reader.h"

namespace bp::jinja {

class ExpressionParser : protected TokenReader {
 protected:
  explicit ExpressionParser(std::vector<Token> tokens) : TokenReader(std::move(tokens)) {}

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
  std::string parse_dotted_name(std::string_view of);
  bool at_tuple_end() const;
  bool compare_op(Op& op);

  std::unordered_map<std::string, NameId> name_ids_;
};

}  // namespace bp::jinja
