#include "template/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/expression_parser.h"
#include "template/resolve.h"
#include "template/symbols.h"

namespace bp::jinja {
namespace {

using StatementPtr = std::unique_ptr<Statement>;

class Parser : public ExpressionParser {
 public:
  explicit Parser(std::vector<Token> tokens) : ExpressionParser(std::move(tokens)) {}

  Result<Template> run(std::string_view where) {
    Template result;
    result.body = parse_block({});
    if (failed()) {
      return bp::fail(ErrorCode::kRefused, fmt::format("{}:{}", where, error_line_), error_,
                      "the template is not valid Jinja, or uses what chat templates do not");
    }
    result.names = std::move(names_);
    find_unset_names(result);
    const UnknownName unknown = resolve(result);
    if (unknown.what.empty()) return result;
    return bp::fail(ErrorCode::kRefused, fmt::format("{}:{}", where, unknown.line), unknown.what,
                    "the template uses what chat templates do not");
  }

 private:
  using EndNames = std::initializer_list<std::string_view>;

  StatementPtr make(StatementKind kind, int line) const {
    auto node = std::make_unique<Statement>();
    node->kind = kind;
    node->line = line;
    return node;
  }

  bool at_end_tag(EndNames ends) const {
    return peek().kind == TokenKind::kBlockBegin && peek(1).kind == TokenKind::kName &&
           std::ranges::find(ends, std::string_view(peek(1).text)) != ends.end();
  }

  // Statements up to a tag of `ends`, which stays; without `ends` up to the end of the template.
  Block parse_block(EndNames ends) {
    Block block;
    if (++nesting_ > kMaxNesting) fail("it is nested too deeply");
    while (!failed() && !at_end_tag(ends)) {
      if (peek().kind == TokenKind::kEnd) {
        if (ends.size() > 0) fail(fmt::format("'{}' is missing", *(ends.end() - 1)));
        break;
      }
      if (StatementPtr node = parse_statement()) block.push_back(std::move(node));
    }
    --nesting_;
    return block;
  }

  // The name of the tag that ends a block, with the tag opened.
  std::string open_end_tag() {
    next();
    return next().text;
  }

  void close_tag() {
    if (peek().kind != TokenKind::kBlockEnd) return fail(fmt::format("unexpected {:?} in a tag", peek().text));
    next();
  }

  void finish_block(std::string_view end) {
    if (failed()) return;
    open_end_tag();
    // Jinja lets no name follow: {% endfor x %} is an error there too.
    if (peek().kind != TokenKind::kBlockEnd) fail(fmt::format("unexpected {:?} behind '{}'", peek().text, end));
    close_tag();
  }

  StatementPtr parse_statement() {
    const Token token = next();
    if (token.kind == TokenKind::kText) {
      StatementPtr node = make(StatementKind::kText, token.line);
      node->text = token.text;
      return node;
    }
    if (token.kind == TokenKind::kVariableBegin) {
      StatementPtr node = make(StatementKind::kPrint, token.line);
      node->value = parse_tuple();
      if (peek().kind != TokenKind::kVariableEnd) fail(fmt::format("unexpected {:?} in an expression", peek().text));
      next();
      return node;
    }
    const Token name = next();
    if (name.kind != TokenKind::kName) {
      fail("the name of a tag is missing");
      return nullptr;
    }
    return parse_tag(name);
  }

  StatementPtr parse_tag(const Token& name) {
    const std::string& t = name.text;
    if (t == "if") return parse_if(name.line);
    if (t == "for") return parse_for(name.line);
    if (t == "set") return parse_set(name.line);
    if (t == "macro") return parse_macro(name.line);
    if (t == "call") return parse_call_block(name.line);
    if (t == "filter") return parse_filter_block(name.line);
    if (t == "with") return parse_with(name.line);
    if (t == "generation") return parse_generation(name.line);
    if (t == "include" || t == "import" || t == "from" || t == "extends") return parse_load(name.line);
    if (t == "break" || t == "continue") return parse_loop_control(name);
    fail(fmt::format("the tag '{}' is unknown or has no place here", t.substr(0, 40)));
    return nullptr;
  }

  StatementPtr parse_if(int line) {
    StatementPtr node = make(StatementKind::kIf, line);
    for (bool more = true; more && !failed();) {
      Branch branch;
      branch.test = parse_tuple(false);
      close_tag();
      branch.body = parse_block({"elif", "else", "endif"});
      node->branches.push_back(std::move(branch));
      more = false;
      if (failed()) break;
      const std::string end = peek(1).text;
      if (end == "elif") {
        open_end_tag();
        more = true;
      } else if (end == "else") {
        open_end_tag();
        close_tag();
        node->otherwise = parse_block({"endif"});
      }
    }
    finish_block("endif");
    return node;
  }

  StatementPtr parse_for(int line) {
    StatementPtr node = make(StatementKind::kFor, line);
    node->target = parse_target(false);
    expect_name("in");
    node->value = parse_tuple(false);
    if (skip_name("if")) node->condition = parse_expression();
    node->recursive = skip_name("recursive");
    close_tag();
    ++loops_;
    node->body = parse_block({"else", "endfor"});
    --loops_;
    if (!failed() && peek(1).text == "else") {
      open_end_tag();
      close_tag();
      node->otherwise = parse_block({"endfor"});
    }
    finish_block("endfor");
    return node;
  }

  StatementPtr parse_set(int line) {
    StatementPtr node = make(StatementKind::kSet, line);
    node->target = parse_target(true);
    if (skip_operator("=")) {
      node->value = parse_tuple();
      close_tag();
      return node;
    }
    node->kind = StatementKind::kSetBlock;
    if (skip_operator("|")) node->value = parse_filters(parse_filter(nullptr));
    close_tag();
    node->body = parse_block({"endset"});
    finish_block("endset");
    return node;
  }

  void parse_signature(Statement& node) {
    expect_operator("(");
    while (!failed() && !at_operator(")")) {
      if (!node.parameters.empty()) expect_operator(",");
      const Token name = next();
      if (name.kind != TokenKind::kName) return fail("the name of a parameter is missing");
      Parameter parameter{intern(name.text), nullptr};
      if (skip_operator("=")) {
        parameter.value = parse_expression();
      } else if (!node.parameters.empty() && node.parameters.back().value != nullptr) {
        return fail("a parameter without a default follows one with a default");
      }
      node.parameters.push_back(std::move(parameter));
    }
    expect_operator(")");
  }

  void parse_macro_body(Statement& node, std::string_view end) {
    close_tag();
    const int loops = std::exchange(loops_, 0);
    node.body = parse_block({end});
    loops_ = loops;
    finish_block(end);
  }

  StatementPtr parse_macro(int line) {
    StatementPtr node = make(StatementKind::kMacro, line);
    const Token name = next();
    if (name.kind != TokenKind::kName) fail("the name of a macro is missing");
    node->name = intern(name.text);
    parse_signature(*node);
    parse_macro_body(*node, "endmacro");
    return node;
  }

  StatementPtr parse_call_block(int line) {
    StatementPtr node = make(StatementKind::kCall, line);
    node->name = intern("caller");
    if (at_operator("(")) parse_signature(*node);
    node->value = parse_expression();
    if (!failed() && node->value->kind != ExpressionKind::kCall) fail("a call is missing behind 'call'");
    parse_macro_body(*node, "endcall");
    return node;
  }

  StatementPtr parse_filter_block(int line) {
    StatementPtr node = make(StatementKind::kFilter, line);
    node->value = parse_filters(parse_filter(nullptr));
    close_tag();
    node->body = parse_block({"endfilter"});
    finish_block("endfilter");
    return node;
  }

  StatementPtr parse_with(int line) {
    StatementPtr node = make(StatementKind::kWith, line);
    while (!failed() && peek().kind != TokenKind::kBlockEnd) {
      if (!node->parameters.empty()) expect_operator(",");
      const Token name = next();
      if (name.kind != TokenKind::kName) fail("a name to assign to is missing");
      expect_operator("=");
      node->parameters.push_back({intern(name.text), parse_expression()});
    }
    close_tag();
    node->body = parse_block({"endwith"});
    finish_block("endwith");
    return node;
  }

  StatementPtr parse_generation(int line) {
    StatementPtr node = make(StatementKind::kScope, line);
    close_tag();
    node->body = parse_block({"endgeneration"});
    finish_block("endgeneration");
    return node;
  }

  // It fails only where it is reached.
  StatementPtr parse_load(int line) {
    if (peek().kind == TokenKind::kBlockEnd) fail("an expression is missing");
    while (!failed() && peek().kind != TokenKind::kBlockEnd && peek().kind != TokenKind::kEnd) next();
    close_tag();
    return make(StatementKind::kLoad, line);
  }

  StatementPtr parse_loop_control(const Token& name) {
    if (loops_ == 0) fail(fmt::format("'{}' outside of a loop", name.text));
    close_tag();
    return make(name.text == "break" ? StatementKind::kBreak : StatementKind::kContinue, name.line);
  }

  int loops_ = 0;
};

}  // namespace

Result<Template> parse_template(std::string_view source, std::string_view where) {
  BP_TRY(std::vector<Token> tokens, tokenize(source, where));
  return Parser(std::move(tokens)).run(where);
}

}  // namespace bp::jinja
