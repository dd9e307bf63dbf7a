#include <fmt/format.h>

#include <algorithm>

#include "template/filters.h"
#include "template/operators.h"
#include "template/text_methods.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

bool leaves(Run& run, const Value& v, const Value& by, double rest) {
  const Value remainder = arithmetic(run, Op::kModulo, v, by);
  return remainder.is_number() && remainder.as_float() == rest;
}

bool is_iterable(const Value& v) {
  switch (v.kind()) {
    case Kind::kUndefined:
    case Kind::kText:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kView:
    case Kind::kLoop:
      return true;
    default:
      return false;
  }
}

bool is_sequence(const Value& v) {
  return v.is(Kind::kUndefined) || v.is(Kind::kText) || v.is_sequence() || v.is(Kind::kDict) || v.is(Kind::kRange);
}

bool is_callable(const Value& v) {
  return v.is(Kind::kUndefined) || v.is(Kind::kMacro) || v.is(Kind::kFunction) || v.is(Kind::kMethod) ||
         v.is(Kind::kLoop);
}

bool is_case(Run& run, const Value& v, std::string_view method) {
  const Value text = v.is(Kind::kText) ? v : make_text(run, to_text(run, v));
  return call_text_method(run, text, method, {}).as_bool();
}

bool names_one(const Value& v, bool (*exists)(std::string_view name)) { return v.is(Kind::kText) && exists(v.text()); }

template <Op op>
bool compares(Run& run, const Value& v, const Arguments& a) {
  return compare(run, op, v, a.positional[0]);
}

constexpr Test kTests[] = {
    {"defined", 0, [](Run&, const Value& v, const Arguments&) { return !v.is(Kind::kUndefined); }},
    {"undefined", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kUndefined); }},
    {"none", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kNone); }},
    {"boolean", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kBool); }},
    {"true", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kBool) && v.as_bool(); }},
    {"false", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kBool) && !v.as_bool(); }},
    {"string", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kText); }},
    {"number", 0, [](Run&, const Value& v, const Arguments&) { return v.is_number(); }},
    {"integer", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kInt); }},
    {"float", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kFloat); }},
    {"mapping", 0, [](Run&, const Value& v, const Arguments&) { return v.is(Kind::kDict); }},
    {"iterable", 0, [](Run&, const Value& v, const Arguments&) { return is_iterable(v); }},
    {"sequence", 0, [](Run&, const Value& v, const Arguments&) { return is_sequence(v); }},
    {"callable", 0, [](Run&, const Value& v, const Arguments&) { return is_callable(v); }},
    {"filter", 0,
     [](Run&, const Value& v, const Arguments&) {
       return names_one(v, [](std::string_view name) { return find_filter(name) != nullptr; });
     }},
    {"test", 0,
     [](Run&, const Value& v, const Arguments&) {
       return names_one(v, [](std::string_view name) { return find_test(name) != nullptr; });
     }},
    {"escaped", 0, [](Run&, const Value& v, const Arguments&) { return v.is_safe_text(); }},
    {"upper", 0, [](Run& run, const Value& v, const Arguments&) { return is_case(run, v, "isupper"); }},
    {"lower", 0, [](Run& run, const Value& v, const Arguments&) { return is_case(run, v, "islower"); }},
    {"odd", 0, [](Run& run, const Value& v, const Arguments&) { return leaves(run, v, Value::of(int64_t{2}), 1); }},
    {"even", 0, [](Run& run, const Value& v, const Arguments&) { return leaves(run, v, Value::of(int64_t{2}), 0); }},
    {"divisibleby", 1, [](Run& run, const Value& v, const Arguments& a) { return leaves(run, v, a.positional[0], 0); }},
    {"in", 1, compares<Op::kIn>},
    {"eq", 1, compares<Op::kEqual>},
    {"==", 1, compares<Op::kEqual>},
    {"equalto", 1, compares<Op::kEqual>},
    {"ne", 1, compares<Op::kNotEqual>},
    {"!=", 1, compares<Op::kNotEqual>},
    {"lt", 1, compares<Op::kLess>},
    {"<", 1, compares<Op::kLess>},
    {"lessthan", 1, compares<Op::kLess>},
    {"le", 1, compares<Op::kLessEqual>},
    {"<=", 1, compares<Op::kLessEqual>},
    {"gt", 1, compares<Op::kGreater>},
    {">", 1, compares<Op::kGreater>},
    {"greaterthan", 1, compares<Op::kGreater>},
    {"ge", 1, compares<Op::kGreaterEqual>},
    {">=", 1, compares<Op::kGreaterEqual>},
    {"sameas", 1,
     [](Run& run, const Value& v, const Arguments& a) {
       const Value& other = a.positional[0];
       if (v.kind() != other.kind()) return false;
       return v.identity() != nullptr || other.identity() != nullptr ? v.identity() == other.identity()
                                                                     : equal(run, v, other);
     }},
};

}  // namespace

const Test* find_test(std::string_view name) {
  const auto* it = std::ranges::find(kTests, name, &Test::name);
  return it != std::end(kTests) ? it : nullptr;
}

}  // namespace bp::jinja
