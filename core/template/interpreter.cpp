#include "template/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/interpreter_guards.h"
#include "template/operators.h"
#include "template/value_text.h"

namespace bp::jinja {

Interpreter::Interpreter(const Template& source, Run& run, std::optional<std::tm> now)
    : source_(source),
      run_(run),
      now_(now),
      root_(std::make_unique<Scope>(nullptr)),
      scope_(root_.get()),
      loop_name_(name_id("loop")),
      caller_name_(name_id("caller")),
      varargs_name_(name_id("varargs")),
      kwargs_name_(name_id("kwargs")) {}

// Scopes hold values whose charges go back to the run: all go before it does.
Interpreter::~Interpreter() = default;

NameId Interpreter::name_id(std::string_view name) const {
  const auto it = std::ranges::find(source_.names, name);
  return it != source_.names.end() ? static_cast<NameId>(it - source_.names.begin()) : -1;
}

std::string Interpreter::render(const json::object& variables) {
  static constexpr std::pair<std::string_view, Function> kFunctions[] = {
      {"range", Function::kRange},
      {"namespace", Function::kNamespace},
      {"dict", Function::kDict},
      {"raise_exception", Function::kRaiseException},
      {"strftime_now", Function::kStrftimeNow},
  };
  for (const auto& [name, function] : kFunctions) {
    if (const NameId id = name_id(name); id >= 0) root_->set(id, Value::of(function));
  }
  for (const auto& [name, value] : variables) {
    if (const NameId id = name_id(name); id >= 0) root_->set(id, value_of_json(run_, value));
  }
  unset(source_.unset);
  execute(source_.body);
  return std::move(out_);
}

void Interpreter::unset(const std::vector<NameId>& names) {
  for (const NameId name : names) {
    scope_->set(name, make_undefined(Undefined::Why::kName, "", source_.names[static_cast<size_t>(name)]));
  }
}

void Interpreter::write(std::string_view text) {
  if (!run_.fits(out_.size() + text.size())) return;
  run_.charge(text.size());
  out_ += text;
}

std::string Interpreter::begin_capture() { return std::exchange(out_, {}); }

std::string Interpreter::end_capture(std::string outer) {
  run_.refund(out_.size());
  return std::exchange(out_, std::move(outer));
}

Interpreter::Flow Interpreter::execute(const Block& block) {
  const Depth depth(*this);
  for (const auto& node : block) {
    if (run_.failed()) break;
    if (const Flow flow = execute(*node); flow != Flow::kOn) return flow;
  }
  return Flow::kOn;
}

Interpreter::Flow Interpreter::execute(const Statement& node) {
  run_.at_line(node.line);
  if (!run_.step()) return Flow::kOn;
  switch (node.kind) {
    case StatementKind::kText:
      write(node.text);
      break;
    case StatementKind::kPrint: {
      const Value value = evaluate(*node.value);
      if (run_.failed()) break;
      value.is(Kind::kText) ? write(value.text()) : write(to_text(run_, value));
      break;
    }
    case StatementKind::kIf:
      return execute_if(node);
    case StatementKind::kFor:
      execute_for(node);
      break;
    case StatementKind::kSet:
    case StatementKind::kSetBlock:
      execute_set(node);
      break;
    case StatementKind::kMacro:
      scope_->set(node.name, define_macro(node, source_.names[static_cast<size_t>(node.name)]));
      break;
    case StatementKind::kCall:
      execute_call_block(node);
      break;
    case StatementKind::kFilter: {
      const Value text = make_text(run_, capture(node));
      const Value value = evaluate_filter(*node.value, &text);
      if (!run_.failed() && !value.is(Kind::kText)) {
        run_.fail(fmt::format("a filter block needs a str, not {}", type_name(value)));
      }
      if (!run_.failed()) write(value.text());
      break;
    }
    case StatementKind::kWith:
      execute_with(node);
      break;
    case StatementKind::kScope:
      return execute_inner(node);
    case StatementKind::kLoad:
      run_.fail("no loader for this environment specified");
      break;
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kOn;
}

Interpreter::Flow Interpreter::execute_if(const Statement& node) {
  for (const auto& branch : node.branches) {
    const bool holds = truthy(evaluate(*branch.test));
    if (run_.failed()) return Flow::kOn;
    if (holds) return execute(branch.body);
  }
  return execute(node.otherwise);
}

Interpreter::Flow Interpreter::execute_inner(const Statement& node) {
  const Inner inner(*this, scope_);
  unset(node.unset);
  return execute(node.body);
}

void Interpreter::execute_for(const Statement& node) {
  const Value iterable = evaluate(*node.value);
  if (!run_.failed()) run_loop(node, iterable, 1);
}

// A list, or a tuple: what is left by the condition.
Value Interpreter::loop_items(const Statement& node, const Value& iterable) {
  if (node.condition == nullptr) {
    if (iterable.is_sequence()) return iterable;
    return make_sequence(run_, Kind::kList, iterate(run_, iterable));
  }
  Values kept;
  for (const auto& item : iterate(run_, iterable)) {
    if (!run_.step()) break;
    const Inner inner(*this, scope_);
    assign(*node.target, item);
    if (truthy(evaluate(*node.condition))) kept.push_back(item);
  }
  return make_sequence(run_, Kind::kList, std::move(kept));
}

void Interpreter::run_loop(const Statement& node, const Value& iterable, int depth) {
  auto* loop = new Loop;
  const Value loop_value = Value::of(Kind::kLoop, loop);
  loop->items = loop_items(node, iterable);
  loop->depth = depth;
  loop->recursive = node.recursive ? &node : nullptr;
  loop->scope = scope_;
  if (node.recursive) scope_->keep();
  const Values& items = loop->items.items();
  bool has_finished = false;
  for (size_t i = 0; i < items.size() && run_.step(); ++i) {
    const Inner inner(*this, scope_);
    loop->index = i;
    assign(*node.target, items[i]);
    if (loop_name_ >= 0) scope_->set(loop_name_, loop_value);
    unset(node.unset);
    const Flow flow = execute(node.body);
    has_finished |= flow == Flow::kOn;
    if (flow == Flow::kBreak) break;
  }
  loop->has_ended = true;
  loop->last_seen.reset();
  if (!has_finished && !run_.failed()) {  // jinja2: also where break or continue ended each round
    const Inner inner(*this, scope_);
    unset(node.otherwise_unset);
    execute(node.otherwise);
  }
}

std::string Interpreter::capture(const Statement& node) {
  std::string outer = begin_capture();
  {
    const Inner inner(*this, scope_);
    unset(node.unset);
    execute(node.body);
  }
  return end_capture(std::move(outer));
}

void Interpreter::execute_set(const Statement& node) {
  if (node.kind == StatementKind::kSet) {
    const Value value = evaluate(*node.value);
    if (!run_.failed()) assign(*node.target, value);
    return;
  }
  Value value = make_text(run_, capture(node));
  if (node.value != nullptr) value = evaluate_filter(*node.value, &value);
  if (!run_.failed()) assign(*node.target, value);
}

void Interpreter::assign(const Expression& target, const Value& value) {
  if (target.kind == ExpressionKind::kName) return scope_->set(target.name, value);
  if (target.kind == ExpressionKind::kTuple) return assign_tuple(target, value);
  const Value of = evaluate(*target.children[0]);
  if (run_.failed()) return;
  if (!of.is(Kind::kNamespace)) return run_.fail("cannot assign attribute on non-namespace object");
  of.space().set(target.text, value);
  run_.charge(sizeof(Value));  // never given back: a namespace lives as long as the rendering
}

void Interpreter::assign_tuple(const Expression& target, const Value& value) {
  const Values items = iterate(run_, value);
  const size_t n = target.children.size();
  if (items.size() != n && !run_.failed()) {
    run_.fail(items.size() > n ? fmt::format("too many values to unpack (expected {})", n)
                               : fmt::format("not enough values to unpack (expected {}, got {})", n, items.size()));
  }
  for (size_t i = 0; i < n && !run_.failed(); ++i) assign(*target.children[i], items[i]);
}

void Interpreter::execute_with(const Statement& node) {
  Values values;
  for (const auto& parameter : node.parameters) values.push_back(evaluate(*parameter.value));
  const Inner inner(*this, scope_);
  for (size_t i = 0; i < values.size(); ++i) scope_->set(node.parameters[i].name, values[i]);
  unset(node.unset);
  execute(node.body);
}

Value Interpreter::define_macro(const Statement& node, std::string name) {
  if (!run_.may_make(sizeof(Macro))) return {};
  run_.charge(sizeof(Macro));
  scope_->keep();
  macros_.push_back(std::make_unique<Macro>(std::move(name), &node, scope_));
  return Value::of(macros_.back().get());
}

void Interpreter::execute_call_block(const Statement& node) {
  const Value caller = define_macro(node, "");
  const Value value = evaluate_call(*node.value, &caller);
  if (!run_.failed()) write(to_text(run_, value));
}

}  // namespace bp::jinja
