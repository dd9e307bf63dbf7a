#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "template/interpreter.h"
#include "template/interpreter_guards.h"
#include "template/methods.h"
#include "template/operators.h"
#include "template/strftime.h"
#include "template/value_text.h"

namespace bp::jinja {

Value Interpreter::call(const Value& callee, const Arguments& arguments, const Value* caller) {
  switch (callee.kind()) {
    case Kind::kMacro:
      return call_macro(callee.macro(), arguments, caller);
    case Kind::kFunction:
      return call_function(callee.function(), arguments);
    case Kind::kMethod:
      return call_method(run_, callee.method().self, callee.method().name, arguments);
    case Kind::kLoop:
      return call_loop(callee, arguments);
    case Kind::kUndefined:
      fail_undefined(run_, callee);
      return {};
    default:
      run_.fail(fmt::format("'{}' object is not callable", type_name(callee)));
      return {};
  }
}

// A macro takes what its parameters name, and varargs, kwargs and caller where its body names those.
bool Interpreter::bind_arguments(const Macro& macro, const Arguments& arguments, const Value* caller) {
  const Statement& node = *macro.node;
  const size_t n_parameters = node.parameters.size();
  Items kwargs;
  if (caller != nullptr && !node.takes_caller) {
    if (!node.takes_kwargs) run_.fail(fmt::format("macro '{}' takes no keyword argument 'caller'", macro.name));
    kwargs.emplace_back(make_text(run_, "caller"), *caller);
  }
  for (const auto& [name, value] : arguments.named) {
    const auto is_this = [&](const Parameter& p) { return source_.names[static_cast<size_t>(p.name)] == name; };
    const auto it = std::ranges::find_if(node.parameters, is_this);
    const auto place = static_cast<size_t>(it - node.parameters.begin());
    if (!run_.step(n_parameters >> 3) || (place < n_parameters && place >= arguments.positional.size())) continue;
    if (!node.takes_kwargs) {
      run_.fail(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, name));
    }
    kwargs.emplace_back(make_text(run_, name), value);
  }
  Values varargs;
  for (size_t i = n_parameters; i < arguments.positional.size(); ++i) varargs.push_back(arguments.positional[i]);
  if (!varargs.empty() && !node.takes_varargs) {
    run_.fail(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name, n_parameters));
  }
  if (run_.failed()) return false;
  if (node.takes_caller) scope_->set(caller_name_, caller != nullptr ? *caller : make_undefined("No caller defined"));
  if (node.takes_kwargs) scope_->set(kwargs_name_, make_dict(run_, std::move(kwargs)));
  if (node.takes_varargs) scope_->set(varargs_name_, make_sequence(run_, Kind::kTuple, std::move(varargs)));
  for (size_t i = 0; i < n_parameters && run_.step(); ++i) {
    const Parameter& parameter = node.parameters[i];
    const std::string& name = source_.names[static_cast<size_t>(parameter.name)];
    const Value* given = arguments.find(i, name);
    scope_->set(parameter.name, given != nullptr ? *given
                                : parameter.value != nullptr
                                    ? evaluate(*parameter.value)
                                    : make_undefined(fmt::format("parameter '{}' was not provided", name)));
  }
  return !run_.failed();
}

Value Interpreter::call_macro(const Macro& macro, const Arguments& arguments, const Value* caller) {
  if (++calls_ > run_.limits().max_depth) run_.fail("the limit of depth is reached by calls");
  std::string outer = begin_capture();
  {
    const Inner inner(*this, macro.scope);
    if (!run_.failed() && bind_arguments(macro, arguments, caller)) {
      unset(macro.node->unset);
      execute(macro.node->body);
    }
  }
  --calls_;
  return make_text(run_, end_capture(std::move(outer)));
}

Value Interpreter::call_loop(const Value& value, const Arguments& arguments) {
  Loop& loop = value.loop();
  if (loop.recursive == nullptr || arguments.positional.size() != 1) {
    run_.fail(loop.recursive == nullptr ? "The loop must have the 'recursive' marker to be called recursively."
                                        : "a recursive loop takes one argument");
    return {};
  }
  if (++calls_ > run_.limits().max_depth) run_.fail("the limit of depth is reached by calls");
  std::string outer = begin_capture();
  Scope* const scope = std::exchange(scope_, loop.scope);
  if (!run_.failed()) run_loop(*loop.recursive, arguments.positional[0], loop.depth + 1);
  scope_ = scope;
  --calls_;
  return make_text(run_, end_capture(std::move(outer)));
}

Value Interpreter::call_function(Function function, const Arguments& arguments) {
  switch (function) {
    case Function::kRange:
      return call_range(arguments);
    case Function::kNamespace:
      return call_namespace(arguments);
    case Function::kDict:
      return call_dict(arguments);
    case Function::kRaiseException:
      run_.fail(arguments.positional.empty() ? "the template refuses" : to_text(run_, arguments.positional[0]));
      return {};
    case Function::kStrftimeNow: {
      const Value* format = arguments.find(0, "format");
      if (format == nullptr || !format->is(Kind::kText)) {
        run_.fail("strftime_now needs a format");
        return {};
      }
      return make_text(run_, format_time(now_ ? *now_ : local_time_now(), format->text()));
    }
  }
  return {};
}

Value Interpreter::call_range(const Arguments& arguments) {
  const Values& given = arguments.positional;
  const bool whole = std::ranges::all_of(given, [](const Value& v) { return v.is_integer(); });
  if (given.empty() || given.size() > 3 || !whole || !arguments.named.empty()) {
    const auto undefined = std::ranges::find_if(given, [](const Value& v) { return v.is(Kind::kUndefined); });
    run_.fail(undefined != given.end() ? undefined->undefined_message() : "range takes one to three whole numbers");
    return {};
  }
  const int64_t start = given.size() > 1 ? given[0].as_int() : 0;
  const int64_t stop = given.size() > 1 ? given[1].as_int() : given[0].as_int();
  const int64_t step = given.size() > 2 ? given[2].as_int() : 1;
  if (step == 0) {
    run_.fail("range() arg 3 must not be zero");
    return {};
  }
  return make_range(run_, start, stop, step);
}

Value Interpreter::call_namespace(const Arguments& arguments) {
  constexpr size_t kBytes = 256;  // about what one takes; it stays until the end
  if (!run_.may_make(kBytes)) return {};
  run_.charge(kBytes);
  auto space = std::make_unique<Namespace>();
  if (!arguments.positional.empty() && arguments.positional[0].is(Kind::kUndefined)) {
    fail_undefined(run_, arguments.positional[0]);
  } else if (!arguments.positional.empty() && arguments.positional[0].is(Kind::kDict)) {
    for (const auto& [key, value] : arguments.positional[0].dict().items) space->set(to_text(run_, key), value);
  }
  for (const auto& [name, value] : arguments.named) space->set(name, value);
  namespaces_.push_back(std::move(space));
  return Value::of(namespaces_.back().get());
}

Value Interpreter::call_dict(const Arguments& arguments) {
  Items items;
  std::unordered_map<std::string, size_t> places;  // of the text keys
  const auto put = [&](const Value& key, const Value& value) {
    if (!run_.step() || !check_hashable(run_, key)) return;
    if (key.is(Kind::kText)) {
      const auto [it, is_new] = places.emplace(key.text(), items.size());
      if (!is_new) items[it->second].second = value;
      if (!is_new) return;
    } else {
      const auto same = [&](const auto& item) { return !item.first.is(Kind::kText) && equal(run_, item.first, key); };
      const auto it = std::ranges::find_if(items, same);
      if (it != items.end()) it->second = value;
      if (it != items.end()) return;
    }
    items.emplace_back(key, value);
  };
  if (arguments.positional.size() > 1) run_.fail("dict expected at most 1 argument");
  if (!arguments.positional.empty() && arguments.positional[0].is(Kind::kUndefined)) {
    fail_undefined(run_, arguments.positional[0]);
  } else if (!arguments.positional.empty() && arguments.positional[0].is(Kind::kDict)) {
    for (const auto& [key, value] : arguments.positional[0].dict().items) put(key, value);
  } else if (!arguments.positional.empty()) {
    for (const auto& pair : iterate(run_, arguments.positional[0])) {
      const Values both = iterate(run_, pair);
      if (both.size() != 2)
        run_.fail(fmt::format("dictionary update sequence element has length {}; 2 is required", both.size()));
      if (run_.failed()) return {};
      put(both[0], both[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) put(make_text(run_, name), value);
  return make_dict(run_, std::move(items));
}

}  // namespace bp::jinja
