// Walks the syntax tree of a template and writes its text.
// Not thread-safe: one per rendering.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "template/arguments.h"
#include "template/ast.h"
#include "template/loop.h"
#include "template/macro.h"
#include "template/run.h"
#include "template/scope.h"
#include "template/value.h"

namespace bp::jinja {

class Interpreter {
 public:
  // REQUIRES: `source` and `run` outlive this.
  Interpreter(const Template& source, Run& run, std::optional<std::tm> now);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // The text, unless the run has failed.
  std::string render(const json::object& variables);

 private:
  enum class Flow : uint8_t { kOn, kBreak, kContinue };
  class Depth;
  class Inner;

  // statements
  Flow execute(const Block& block);
  Flow execute(const Statement& node);
  Flow execute_if(const Statement& node);
  Flow execute_inner(const Statement& node);
  void execute_for(const Statement& node);
  void run_loop(const Statement& node, const Value& iterable, int depth);
  Value loop_items(const Statement& node, const Value& iterable);
  void execute_set(const Statement& node);
  void execute_call_block(const Statement& node);
  void execute_with(const Statement& node);
  std::string capture(const Statement& node);
  // What is written goes to a text of its own until end_capture(), which takes what begin_capture() gave.
  std::string begin_capture();
  std::string end_capture(std::string outer);
  void assign(const Expression& target, const Value& value);
  void assign_tuple(const Expression& target, const Value& value);
  Value define_macro(const Statement& node, std::string name);
  void write(std::string_view text);
  void unset(const std::vector<NameId>& names);

  // expressions
  Value evaluate(const Expression& node);
  Value evaluate_deep(const Expression& node);
  Value evaluate_name(const Expression& node);
  Value evaluate_chain(const Expression& node);
  Value evaluate_compare(const Expression& node);
  Value evaluate_concat(const Expression& node);
  Value evaluate_dict(const Expression& node);
  Value evaluate_slice(const Expression& node);
  Value evaluate_call(const Expression& node, const Value* caller);
  Value evaluate_filter(const Expression& node, const Value* piped);
  Values evaluate_all(const std::vector<ExpressionPtr>& nodes);
  Arguments evaluate_arguments(const Expression& node);
  void spread_arguments(const Expression& node, Arguments& arguments);

  // calls
  Value call(const Value& callee, const Arguments& arguments, const Value* caller);
  Value call_macro(const Macro& macro, const Arguments& arguments, const Value* caller);
  bool bind_arguments(const Macro& macro, const Arguments& arguments, const Value* caller);
  Value call_function(Function function, const Arguments& arguments);
  Value call_range(const Arguments& arguments);
  Value call_namespace(const Arguments& arguments);
  Value call_dict(const Arguments& arguments);
  Value call_loop(const Value& loop, const Arguments& arguments);

  NameId name_id(std::string_view name) const;

  const Template& source_;
  Run& run_;
  std::optional<std::tm> now_;
  std::string out_;
  int depth_ = 0;
  int calls_ = 0;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
  std::vector<std::unique_ptr<Macro>> macros_;
  std::vector<std::unique_ptr<Scope>> kept_scopes_;
  std::vector<std::unique_ptr<Scope>> spare_scopes_;  // used before, empty
  std::unique_ptr<Scope> root_;
  Scope* scope_ = nullptr;
  NameId loop_name_, caller_name_, varargs_name_, kwargs_name_;
};

}  // namespace bp::jinja
