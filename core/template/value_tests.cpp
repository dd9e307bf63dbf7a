#include <fmt/format.h>

#include <algorithm>

#include "template/filters.h"
#include "template/operators.h"
#include "template/unicode_text.h"

namespace bp::jinja {
namespace {

using Test = bool (*)(Run& run, const Value& v, const Arguments& arguments);

const Value& argument(Run& run, const Arguments& arguments) {
  static const Value none = Value::none();
  if (!arguments.positional.empty()) return arguments.positional[0];
  run.fail("a test misses its argument");
  return none;
}

bool divisible(Run& run, const Value& v, const Value& by) {
  const Value rest = arithmetic(run, Op::kModulo, v, by);
  return rest.is_number() && rest.as_float() == 0;
}

bool is_iterable(const Value& v) {
  switch (v.kind()) {
    case Kind::kUndefined:
    case Kind::kText:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kIterator:
    case Kind::kView:
    case Kind::kLoop:
      return true;
    default:
      return false;
  }
}

bool is_sequence(const Value& v) {
  return v.is(Kind::kUndefined) || v.is(Kind::kText) || v.is_sequence() || v.is(Kind::kDict);
}

bool is_callable(const Value& v) {
  return v.is(Kind::kMacro) || v.is(Kind::kFunction) || v.is(Kind::kMethod) || v.is(Kind::kLoop);
}

bool is_case(Run&, const Value& v, std::string (*convert)(std::string_view), std::string (*other)(std::string_view)) {
  return v.is(Kind::kText) && convert(v.text()) == v.text() && other(v.text()) != v.text();
}

template <Op op>
bool compares(Run& run, const Value& v, const Arguments& a) {
  const Value& other = argument(run, a);
  return !run.failed() && compare(run, op, v, other);
}

struct Entry {
  std::string_view name;
  Test test;
};

constexpr Entry kEntries[] = {
    {"defined", [](Run&, const Value& v, const Arguments&) { return !v.is(Kind::kUndefined); }},
    {"undefined", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kUndefined); }},
    {"none", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kNone); }},
    {"boolean", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kBool); }},
    {"true", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kBool) && v.as_bool(); }},
    {"false", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kBool) && !v.as_bool(); }},
    {"string", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kText); }},
    {"number", [](Run&, const Value& v, const Arguments&) { return v.is_number(); }},
    {"integer", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kInt); }},
    {"float", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kFloat); }},
    {"mapping", [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kDict); }},
    {"iterable", [](Run&, const Value& v, const Arguments&) { return is_iterable(v); }},
    {"sequence", [](Run&, const Value& v, const Arguments&) { return is_sequence(v); }},
    {"callable", [](Run&, const Value& v, const Arguments&) { return is_callable(v); }},
    {"escaped", [](Run&, const Value& v, const Arguments&) { return v.is_safe_text(); }},
    {"upper", [](Run& run, const Value& v, const Arguments&) { return is_case(run, v, upper, lower); }},
    {"lower", [](Run& run, const Value& v, const Arguments&) { return is_case(run, v, lower, upper); }},
    {"odd", [](Run& run, const Value& v, const Arguments&) { return !divisible(run, v, Value::of(int64_t{2})); }},
    {"even", [](Run& run, const Value& v, const Arguments&) { return divisible(run, v, Value::of(int64_t{2})); }},
    {"divisibleby", [](Run& run, const Value& v, const Arguments& a) { return divisible(run, v, argument(run, a)); }},
    {"in", compares<Op::kIn>},
    {"eq", compares<Op::kEqual>},
    {"==", compares<Op::kEqual>},
    {"equalto", compares<Op::kEqual>},
    {"ne", compares<Op::kNotEqual>},
    {"!=", compares<Op::kNotEqual>},
    {"lt", compares<Op::kLess>},
    {"<", compares<Op::kLess>},
    {"lessthan", compares<Op::kLess>},
    {"le", compares<Op::kLessEqual>},
    {"<=", compares<Op::kLessEqual>},
    {"gt", compares<Op::kGreater>},
    {">", compares<Op::kGreater>},
    {"greaterthan", compares<Op::kGreater>},
    {"ge", compares<Op::kGreaterEqual>},
    {">=", compares<Op::kGreaterEqual>},
    {"sameas",
     [](Run& run, const Value& v, const Arguments& a) {
       const Value& other = argument(run, a);
       if (v.kind() != other.kind()) return false;
       return v.identity() != nullptr || other.identity() != nullptr ? v.identity() == other.identity()
                                                                     : equal(run, v, other);
     }},
};

}  // namespace

bool apply_test(Run& run, std::string_view name, const Value& value, const Arguments& arguments) {
  if (!run.step(1 + (value.is(Kind::kText) ? value.text().size() >> 10 : 0))) return false;
  const auto* it = std::ranges::find(kEntries, name, &Entry::name);
  if (it != std::end(kEntries)) return it->test(run, value, arguments);
  run.fail(fmt::format("No test named '{}'.", name));
  return false;
}

}  // namespace bp::jinja
