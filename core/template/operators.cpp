#include "template/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "template/percent_format.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

constexpr std::string_view kOpNames[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

Value unsupported(Run& run, Op op, const Value& a, const Value& b) {
  run.fail(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", kOpNames[static_cast<size_t>(op)],
                       type_name(a), type_name(b)));
  return {};
}

Value overflow(Run& run) {
  run.fail("a whole number exceeds 64 bits");
  return {};
}

Value float_power(Run& run, double base, double exponent) {
  if (base == 0 && exponent < 0) {
    run.fail("0.0 cannot be raised to a negative power");
  } else if (base < 0 && std::isfinite(base) && exponent != std::floor(exponent)) {
    run.fail("a negative number has no power that is no whole number");
  } else if (const double result = std::pow(base, exponent);
             std::isfinite(result) || !std::isfinite(base) || !std::isfinite(exponent)) {
    return Value::of(result);
  } else {
    run.fail("Result too large");
  }
  return {};
}

Value power(Run& run, int64_t base, int64_t exponent) {
  if (exponent < 0) return float_power(run, static_cast<double>(base), static_cast<double>(exponent));
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return overflow(run);
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return overflow(run);
  }
  return Value::of(result);
}

Value integer_arithmetic(Run& run, Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Op::kAdd:
      return __builtin_add_overflow(a, b, &result) ? overflow(run) : Value::of(result);
    case Op::kSubtract:
      return __builtin_sub_overflow(a, b, &result) ? overflow(run) : Value::of(result);
    case Op::kMultiply:
      return __builtin_mul_overflow(a, b, &result) ? overflow(run) : Value::of(result);
    case Op::kPower:
      return power(run, a, b);
    default:
      break;
  }
  if (b == 0) {
    run.fail("division by zero");
    return {};
  }
  if (op == Op::kDivide) return Value::of(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) return op == Op::kModulo ? Value::of(int64_t{0}) : integer_arithmetic(run, Op::kSubtract, 0, a);
  const bool rounds_up = a % b != 0 && (a < 0) != (b < 0);  // Python rounds down
  return op == Op::kModulo ? Value::of(a % b + (rounds_up ? b : 0)) : Value::of(a / b - (rounds_up ? 1 : 0));
}

Value float_arithmetic(Run& run, Op op, double a, double b) {
  switch (op) {
    case Op::kAdd:
      return Value::of(a + b);
    case Op::kSubtract:
      return Value::of(a - b);
    case Op::kMultiply:
      return Value::of(a * b);
    case Op::kPower:
      return float_power(run, a, b);
    default:
      break;
  }
  if (b == 0) {
    run.fail("float division by zero");
    return {};
  }
  if (op == Op::kDivide) return Value::of(a / b);
  double rest = std::fmod(a, b);  // exact, with the sign of a; Python's has that of b
  if (rest == 0) {
    rest = std::copysign(0.0, b);
  } else if ((b < 0) != (rest < 0)) {
    rest += b;
  }
  if (op == Op::kModulo) return Value::of(rest);
  const double quotient = (a - rest) / b;
  const double whole = std::floor(quotient);
  if (quotient == 0) return Value::of(std::copysign(0.0, a / b));
  return Value::of(quotient - whole > 0.5 ? whole + 1 : whole);
}

Value add_text(Run& run, const Value& a, const Value& b) {
  const bool safe = a.is_safe_text() || b.is_safe_text();
  if (!run.may_make(a.text().size() + b.text().size())) return {};
  const auto part = [&](const Value& v) {
    return safe && !v.is_safe_text() ? escape_html(v.text()) : std::string(v.text());
  };
  return make_text(run, part(a) + part(b), safe);
}

Value add_items(Run& run, const Value& a, const Value& b) {
  if (!run.may_make((a.items().size() + b.items().size()) * sizeof(Value))) return {};
  Values items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return make_sequence(run, a.kind(), std::move(items));
}

Value repeat(Run& run, const Value& what, int64_t times) {
  const auto n = static_cast<uint64_t>(std::max<int64_t>(0, times));
  const uint64_t size = what.is(Kind::kText) ? what.text().size() : what.items().size() * sizeof(Value);
  if (size != 0 && n > run.limits().max_output_bytes / size) {
    run.fail("the limit of output is reached");
    return {};
  }
  if (size == 0 || !run.step(n >> 6)) return what;
  if (what.is(Kind::kText)) {
    std::string text;
    for (uint64_t i = 0; i < n; ++i) text += what.text();
    return make_text(run, std::move(text), what.is_safe_text());
  }
  Values items;
  for (uint64_t i = 0; i < n; ++i) items.insert(items.end(), what.items().begin(), what.items().end());
  return make_sequence(run, what.kind(), std::move(items));
}

bool is_repeatable(const Value& v) { return v.is(Kind::kText) || v.is_sequence(); }

bool equal_items(Run& run, const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!equal(run, a[i], b[i])) return false;
  }
  return true;
}

bool equal_dicts(Run& run, const Dict& a, const Dict& b) {
  if (a.items.size() != b.items.size()) return false;
  return std::ranges::all_of(a.items, [&](const auto& item) {
    const Value* other = find_key(run, b, item.first);
    return other != nullptr && equal(run, item.second, *other);
  });
}

bool is_view_of_set(const Value& v) { return v.is(Kind::kView) && v.sequence().view != ViewKind::kValues; }

// Keys and items compare as sets do.
bool equal_views(Run& run, const Value& a, const Value& b) {
  if (!is_view_of_set(a) || !is_view_of_set(b)) return a.identity() == b.identity();
  return a.items().size() == b.items().size() &&
         std::ranges::all_of(a.items(), [&](const Value& item) { return contains(run, b, item); });
}

bool equal_ranges(const Range& a, const Range& b) {
  if (a.size != b.size || a.size == 0) return a.size == b.size;
  return a.start == b.start && (a.size == 1 || a.step == b.step);
}

}  // namespace

void fail_undefined(Run& run, const Value& value) { run.fail(value.undefined_message()); }

bool check_hashable(Run& run, const Value& key) {
  const bool no_key = key.is(Kind::kList) || key.is(Kind::kDict) || is_view_of_set(key);
  if (no_key) run.fail(fmt::format("unhashable type: '{}'", type_name(key)));
  if (key.is(Kind::kTuple)) {
    for (const auto& item : key.items()) {
      if (!run.step() || !check_hashable(run, item)) break;
    }
  }
  return !run.failed();
}

const Value* find_key(Run& run, const Dict& dict, const Value& key) {
  if (key.is(Kind::kText)) return run.step(key.text().size() >> 10) ? dict.find(key.text()) : nullptr;
  for (const auto& [k, v] : dict.items) {
    if (!k.is(Kind::kText) && equal(run, k, key)) return &v;
  }
  return nullptr;
}

Value arithmetic(Run& run, Op op, const Value& a, const Value& b) {
  if (op == Op::kModulo && a.is(Kind::kText)) return make_text(run, percent_format(run, a.text(), b));
  if (a.is(Kind::kUndefined) || b.is(Kind::kUndefined)) {
    fail_undefined(run, a.is(Kind::kUndefined) ? a : b);
    return {};
  }
  if (a.is_integer() && b.is_integer()) return integer_arithmetic(run, op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return float_arithmetic(run, op, a.as_float(), b.as_float());
  if (op == Op::kAdd && a.is(Kind::kText)) {
    if (b.is(Kind::kText)) return add_text(run, a, b);
    run.fail(fmt::format("can only concatenate str (not \"{}\") to str", type_name(b)));
    return {};
  }
  if (op == Op::kAdd && a.is_sequence() && a.kind() == b.kind()) return add_items(run, a, b);
  if (op == Op::kMultiply && is_repeatable(a) && b.is_integer()) return repeat(run, a, b.as_int());
  if (op == Op::kMultiply && is_repeatable(b) && a.is_integer()) return repeat(run, b, a.as_int());
  return unsupported(run, op, a, b);
}

Value negate(Run& run, const Value& value) {
  if (value.is(Kind::kFloat)) return Value::of(-value.as_float());
  if (value.is_integer()) return integer_arithmetic(run, Op::kSubtract, 0, value.as_int());
  if (value.is(Kind::kUndefined)) {
    fail_undefined(run, value);
  } else {
    run.fail(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
  }
  return {};
}

bool equal(Run& run, const Value& a, const Value& b) {
  if (!run.step()) return false;
  if (a.is_integer() && b.is_integer()) return a.as_int() == b.as_int();
  if (a.is_number() && b.is_number()) return a.as_float() == b.as_float();
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kText:
      return run.step(a.text().size() >> 10) && a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
      return equal_items(run, a.items(), b.items());
    case Kind::kView:
      return equal_views(run, a, b);
    case Kind::kRange:
      return equal_ranges(a.range(), b.range());
    case Kind::kDict:
      return equal_dicts(run, a.dict(), b.dict());
    case Kind::kFunction:
      return a.function() == b.function();
    default:
      return a.identity() == b.identity();
  }
}

bool less(Run& run, const Value& a, const Value& b) {
  if (!run.step()) return false;
  if (a.is_integer() && b.is_integer()) return a.as_int() < b.as_int();
  if (a.is_number() && b.is_number()) return a.as_float() < b.as_float();
  if (a.is(Kind::kText) && b.is(Kind::kText)) {  // UTF-8 sorts as code points do
    return run.step(a.text().size() >> 10) && a.text() < b.text();
  }
  if (a.is_sequence() && a.kind() == b.kind()) {
    const size_t n = std::min(a.items().size(), b.items().size());
    for (size_t i = 0; i < n; ++i) {
      if (!equal(run, a.items()[i], b.items()[i])) return less(run, a.items()[i], b.items()[i]);
    }
    return a.items().size() < b.items().size();
  }
  if (a.is(Kind::kUndefined) || b.is(Kind::kUndefined)) {
    fail_undefined(run, a.is(Kind::kUndefined) ? a : b);
  } else {
    run.fail(fmt::format("'<' not supported between instances of '{}' and '{}'", type_name(a), type_name(b)));
  }
  return false;
}

bool contains(Run& run, const Value& in, const Value& item) {
  if (in.is(Kind::kText)) {
    if (item.is(Kind::kText)) return run.step(in.text().size() >> 10) && in.text().contains(item.text());
    run.fail(fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
    return false;
  }
  if (in.is(Kind::kDict)) return check_hashable(run, item) && find_key(run, in.dict(), item) != nullptr;
  if (in.is(Kind::kRange)) {
    const double number = item.is_number() ? item.as_float() : 0.5;
    if (item.is_integer()) return in.range().contains(item.as_int());
    return number == std::floor(number) && std::abs(number) < 9e18 && in.range().contains(static_cast<int64_t>(number));
  }
  if (in.is(Kind::kNone) || in.is_number()) {
    run.fail(fmt::format("argument of type '{}' is not iterable", type_name(in)));
    return false;
  }
  return std::ranges::any_of(iterate(run, in), [&](const Value& v) { return equal(run, v, item); });
}

bool compare(Run& run, Op op, const Value& a, const Value& b) {
  switch (op) {
    case Op::kEqual:
      return equal(run, a, b);
    case Op::kNotEqual:
      return !equal(run, a, b);
    case Op::kLess:
      return less(run, a, b);
    case Op::kGreater:
      return less(run, b, a);
    case Op::kLessEqual:
      return less(run, a, b) || equal(run, a, b);
    case Op::kGreaterEqual:
      return less(run, b, a) || equal(run, a, b);
    case Op::kIn:
      return contains(run, b, a);
    default:
      return !contains(run, b, a);
  }
}

Values iterate(Run& run, const Value& value) {
  Values items;
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      items = value.items();
      break;
    case Kind::kIterator:
      if (value.take_iterator()) items = value.items();
      break;
    case Kind::kDict:
      items.reserve(value.dict().items.size());
      for (const auto& [key, unused] : value.dict().items) items.push_back(key);
      break;
    case Kind::kRange:
      if (!run.may_make(static_cast<uint64_t>(value.range().size) * sizeof(Value))) break;
      items.reserve(static_cast<size_t>(value.range().size));
      for (int64_t i = 0; i < value.range().size; ++i) items.push_back(Value::of(value.range().at(i)));
      break;
    case Kind::kText: {
      const std::string_view text = value.text();
      if (!run.may_make(value.text_box().n_chars() * (sizeof(Value) + sizeof(Text)))) break;
      for (size_t at = 0; at < text.size() && !run.failed();) {
        const size_t n = char_bytes(text, at);
        items.push_back(make_text(run, std::string(text.substr(at, n))));
        at += n;
      }
      break;
    }
    case Kind::kUndefined:
      break;
    default:
      run.fail(fmt::format("'{}' object is not iterable", type_name(value)));
  }
  run.step(items.size() >> 4);
  return items;
}

int64_t length(Run& run, const Value& value) {
  switch (value.kind()) {
    case Kind::kText:
      return static_cast<int64_t>(value.text_box().n_chars());
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return static_cast<int64_t>(value.items().size());
    case Kind::kDict:
      return static_cast<int64_t>(value.dict().items.size());
    case Kind::kRange:
      return value.range().size;
    case Kind::kUndefined:
      return 0;
    default:
      run.fail(fmt::format("object of type '{}' has no len()", type_name(value)));
      return 0;
  }
}

}  // namespace bp::jinja
