#include <fmt/format.h>

#include <algorithm>

#include "template/interpreter.h"
#include "template/interpreter_guards.h"
#include "template/methods.h"
#include "template/operators.h"
#include "template/strftime.h"
#include "template/value_text.h"

namespace bp::jinja {

Value Interpreter::call(const Value& callee, Arguments arguments, const Value* caller) {
  switch (callee.kind()) {
    case Kind::kMacro:
      return call_macro(callee.macro(), arguments, caller);
    case Kind::kFunction:
      return call_function(callee.function(), arguments);
    case Kind::kMethod:
      return call_method(run_, callee.method(), arguments);
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

// What a macro's parameters do not take: varargs and kwargs where it uses them, else an error.
bool Interpreter::bind_rest(const Macro& macro, const Arguments& arguments) {
  const auto& parameters = macro.node->parameters;
  Values varargs;
  for (size_t i = parameters.size(); i < arguments.positional.size(); ++i) varargs.push_back(arguments.positional[i]);
  if (!varargs.empty() && !macro.node->takes_varargs) {
    run_.fail(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name, parameters.size()));
  }
  Items kwargs;
  for (const auto& [name, value] : arguments.named) {
    const auto is_this = [&](const Parameter& p) { return source_.names[static_cast<size_t>(p.name)] == name; };
    if (!run_.step(parameters.size() >> 3) || std::ranges::any_of(parameters, is_this)) continue;
    if (!macro.node->takes_kwargs) {
      run_.fail(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, name));
    }
    kwargs.emplace_back(make_text(run_, name), value);
  }
  if (macro.node->takes_varargs) scope_->set(varargs_name_, make_sequence(run_, Kind::kTuple, std::move(varargs)));
  if (macro.node->takes_kwargs) scope_->set(kwargs_name_, make_dict(run_, std::move(kwargs)));
  return !run_.failed();
}

Value Interpreter::call_macro(const Macro& macro, const Arguments& arguments, const Value* caller) {
  if (++calls_ > run_.limits().max_depth) run_.fail("the limit of depth is reached by calls");
  std::string outer = begin_capture();
  {
    const Inner inner(*this, macro.scope);
    if (caller_name_ >= 0 && macro.name != "caller") {
      scope_->set(caller_name_, caller != nullptr ? *caller : make_undefined("No caller defined"));
    }
    if (!run_.failed() && bind_rest(macro, arguments)) {
      for (size_t i = 0; i < macro.node->parameters.size() && run_.step(); ++i) {
        const Parameter& parameter = macro.node->parameters[i];
        const std::string& name = source_.names[static_cast<size_t>(parameter.name)];
        const Value* given = arguments.find(i, name);
        scope_->set(parameter.name, given != nullptr ? *given
                                    : parameter.value != nullptr
                                        ? evaluate(*parameter.value)
                                        : make_undefined(fmt::format("parameter '{}' was not provided", name)));
      }
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
  constexpr int64_t kMaxRange = 100'000;
  const Values& given = arguments.positional;
  const bool whole = std::ranges::all_of(given, [](const Value& v) { return v.is_integer(); });
  if (given.empty() || given.size() > 3 || !whole || !arguments.named.empty()) {
    const auto undefined = std::ranges::find_if(given, [](const Value& v) { return v.is(Kind::kUndefined); });
    run_.fail(undefined != given.end() ? undefined->undefined().message : "range takes one to three whole numbers");
    return {};
  }
  const int64_t start = given.size() > 1 ? given[0].as_int() : 0;
  const int64_t stop = given.size() > 1 ? given[1].as_int() : given[0].as_int();
  const int64_t step = given.size() > 2 ? given[2].as_int() : 1;
  if (step == 0) {
    run_.fail("range() arg 3 must not be zero");
    return {};
  }
  Values items;
  for (int64_t i = start; (step > 0 ? i < stop : i > stop) && run_.step();) {
    if (std::ssize(items) >= kMaxRange) {
      run_.fail(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange));
      break;
    }
    items.push_back(Value::of(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return make_sequence(run_, Kind::kList, std::move(items));
}

Value Interpreter::call_namespace(const Arguments& arguments) {
  constexpr size_t kBytes = 256;  // about what one takes; it stays until the end
  if (!run_.may_make(kBytes)) return {};
  run_.charge(kBytes);
  auto space = std::make_unique<Namespace>();
  if (!arguments.positional.empty() && arguments.positional[0].is(Kind::kDict)) {
    for (const auto& [key, value] : arguments.positional[0].dict().items) space->set(to_text(run_, key), value);
  }
  for (const auto& [name, value] : arguments.named) space->set(name, value);
  namespaces_.push_back(std::move(space));
  return Value::of(namespaces_.back().get());
}

Value Interpreter::call_dict(const Arguments& arguments) {
  Items items;
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (from.is(Kind::kDict)) {
      items = from.dict().items;
    } else {
      for (const auto& pair : iterate(run_, from)) {
        if (!pair.is_sequence() || pair.items().size() != 2) {
          run_.fail("dict takes a mapping or pairs");
          return {};
        }
        items.emplace_back(pair.items()[0], pair.items()[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) {
    if (!run_.step(items.size() >> 3)) break;
    const auto it = std::ranges::find_if(
        items, [&, &key = name](const auto& item) { return item.first.is(Kind::kText) && item.first.text() == key; });
    if (it != items.end()) {
      it->second = value;
    } else {
      items.emplace_back(make_text(run_, name), value);
    }
  }
  return make_dict(run_, std::move(items));
}

}  // namespace bp::jinja
