#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "template/filters.h"
#include "template/interpreter.h"
#include "template/interpreter_guards.h"
#include "template/methods.h"
#include "template/operators.h"
#include "template/value_text.h"

namespace bp::jinja {

// Constants and names, most of what there is, take no level of depth.
Value Interpreter::evaluate(const Expression& node) {
  if (!run_.step()) return {};
  if (node.kind == ExpressionKind::kConstant) return node.value;
  if (node.kind == ExpressionKind::kName) return evaluate_name(node);
  const Depth depth(*this);
  if (run_.failed()) return {};
  return evaluate_deep(node);
}

Value Interpreter::evaluate_deep(const Expression& node) {
  switch (node.kind) {
    case ExpressionKind::kTuple:
      return make_sequence(run_, Kind::kTuple, evaluate_all(node.children));
    case ExpressionKind::kList:
      return make_sequence(run_, Kind::kList, evaluate_all(node.children));
    case ExpressionKind::kDict:
      return evaluate_dict(node);
    case ExpressionKind::kNot:
      return Value::of(!truthy(evaluate(*node.children[0])));
    case ExpressionKind::kNegate:
      return negate(run_, evaluate(*node.children[0]));
    case ExpressionKind::kPlus: {
      const Value value = evaluate(*node.children[0]);
      return value.is(Kind::kFloat) ? value : arithmetic(run_, Op::kSubtract, value, Value::of(int64_t{0}));
    }
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr: {
      const bool stop_at = node.kind == ExpressionKind::kOr;
      Value value;
      for (const auto& child : node.children) {
        value = evaluate(*child);
        if (run_.failed() || truthy(value) == stop_at) break;
      }
      return value;
    }
    case ExpressionKind::kConcat:
      return evaluate_concat(node);
    case ExpressionKind::kChain:
      return evaluate_chain(node);
    case ExpressionKind::kCompare:
      return evaluate_compare(node);
    case ExpressionKind::kCondition:
      if (truthy(evaluate(*node.children[0]))) return evaluate(*node.children[1]);
      if (node.children.size() > 2) return evaluate(*node.children[2]);
      return make_undefined("the inline if-expression evaluated to false and no else section was defined.");
    case ExpressionKind::kAttribute:
      return get_attribute(run_, evaluate(*node.children[0]), node.text);
    case ExpressionKind::kItem: {
      const Value of = evaluate(*node.children[0]);
      return get_item(run_, of, evaluate(*node.children[1]));
    }
    case ExpressionKind::kSlice:
      return evaluate_slice(node);
    case ExpressionKind::kCall:
      return evaluate_call(node, nullptr);
    case ExpressionKind::kFilter:
      return evaluate_filter(node, nullptr);
    case ExpressionKind::kTest: {
      const Value value = evaluate(*node.children[0]);
      const Arguments arguments = evaluate_arguments(node);
      if (node.test == nullptr) run_.fail(fmt::format("No test named '{}'.", node.text));
      return Value::of(!run_.failed() && apply_test(run_, *node.test, value, arguments));
    }
    default:
      return {};
  }
}

Value Interpreter::evaluate_name(const Expression& node) {
  if (const Value* value = scope_->find(node.name)) return *value;
  return make_undefined(Undefined::Why::kName, "", source_.names[static_cast<size_t>(node.name)]);
}

Values Interpreter::evaluate_all(const std::vector<ExpressionPtr>& nodes) {
  Values values;
  values.reserve(nodes.size());
  for (const auto& node : nodes) values.push_back(evaluate(*node));
  return values;
}

Value Interpreter::evaluate_chain(const Expression& node) {
  Value value = evaluate(*node.children[0]);
  for (size_t i = 0; i < node.ops.size() && !run_.failed(); ++i) {
    const Value right = evaluate(*node.children[i + 1]);
    if (!run_.failed()) value = arithmetic(run_, node.ops[i], value, right);
  }
  return value;
}

Value Interpreter::evaluate_compare(const Expression& node) {
  Value left = evaluate(*node.children[0]);
  for (size_t i = 0; i < node.ops.size(); ++i) {
    Value right = evaluate(*node.children[i + 1]);
    if (run_.failed() || !compare(run_, node.ops[i], left, right)) return Value::of(false);
    left = std::move(right);
  }
  return Value::of(true);
}

Value Interpreter::evaluate_concat(const Expression& node) {
  std::string text;
  for (const auto& child : node.children) {
    text += to_text(run_, evaluate(*child));
    if (!run_.may_make(text.size())) break;
  }
  return make_text(run_, std::move(text));
}

Value Interpreter::evaluate_dict(const Expression& node) {
  Items items;
  for (size_t i = 0; i + 1 < node.children.size() && !run_.failed(); i += 2) {
    const Value key = evaluate(*node.children[i]);
    Value value = evaluate(*node.children[i + 1]);
    if (!check_hashable(run_, key)) break;
    const auto same = [&](const auto& item) { return equal(run_, item.first, key); };
    const auto it = std::ranges::find_if(items, same);
    if (it != items.end()) {
      it->second = std::move(value);
    } else {
      items.emplace_back(key, std::move(value));
    }
  }
  return make_dict(run_, std::move(items));
}

Value Interpreter::evaluate_slice(const Expression& node) {
  const Value of = evaluate(*node.children[0]);
  Value bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    bounds[i] = node.children[i + 1] != nullptr ? evaluate(*node.children[i + 1]) : Value::none();
  }
  if (run_.failed()) return {};
  return get_slice(run_, of, bounds[0], bounds[1], bounds[2]);
}

Arguments Interpreter::evaluate_arguments(const Expression& node) {
  Arguments arguments;
  for (size_t i = 1; i < node.children.size(); ++i) arguments.positional.push_back(evaluate(*node.children[i]));
  for (const auto& keyword : node.keywords) arguments.named.emplace_back(keyword.name, evaluate(*keyword.value));
  if (node.splat != nullptr || node.named_splat != nullptr) spread_arguments(node, arguments);
  return arguments;
}

void Interpreter::spread_arguments(const Expression& node, Arguments& arguments) {
  if (node.splat != nullptr) {
    const Value items = evaluate(*node.splat);
    if (!run_.failed()) std::ranges::move(iterate(run_, items), std::back_inserter(arguments.positional));
  }
  if (node.named_splat == nullptr || run_.failed()) return;
  const Value items = evaluate(*node.named_splat);
  if (run_.failed()) return;
  if (!items.is(Kind::kDict))
    return run_.fail(fmt::format("argument after ** must be a mapping, not {}", type_name(items)));
  for (const auto& [key, value] : items.dict().items) {
    if (!key.is(Kind::kText)) return run_.fail("keywords must be strings");
    const std::string name(key.text());
    if (arguments.find(~size_t{0}, name) != nullptr) {
      return run_.fail(fmt::format("got multiple values for keyword argument '{}'", name));
    }
    if (!run_.step()) return;
    arguments.named.emplace_back(name, value);
  }
}

Value Interpreter::evaluate_call(const Expression& node, const Value* caller) {
  const Expression& what = *node.children[0];
  const bool is_attribute = what.kind == ExpressionKind::kAttribute;
  Value callee = evaluate(is_attribute ? *what.children[0] : what);
  if (run_.failed()) return {};
  // Most calls are of methods: those need no value of their own.
  const bool is_method = is_attribute && !callee.is(Kind::kNamespace) && has_method(callee, what.text);
  if (is_attribute && !is_method) callee = get_attribute(run_, callee, what.text);
  const Arguments arguments = evaluate_arguments(node);
  if (run_.failed()) return {};
  run_.at_line(node.line);
  return is_method ? call_method(run_, callee, what.text, arguments) : call(callee, arguments, caller);
}

// `piped` is the value at the inner end of a chain of filters that starts without one.
Value Interpreter::evaluate_filter(const Expression& node, const Value* piped) {
  const Expression* inner = node.children[0].get();
  Value value;
  if (inner == nullptr) {
    value = piped != nullptr ? *piped : Value();
  } else if (piped != nullptr && inner->kind == ExpressionKind::kFilter) {
    value = evaluate_filter(*inner, piped);
  } else {
    value = evaluate(*inner);
  }
  const Arguments arguments = evaluate_arguments(node);
  if (run_.failed()) return {};
  run_.at_line(node.line);
  if (node.filter != nullptr) return apply_filter(run_, *node.filter, value, arguments);
  run_.fail(fmt::format("No filter named '{}'.", node.text));
  return {};
}

}  // namespace bp::jinja
