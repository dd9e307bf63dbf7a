#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "template/filters.h"
#include "template/operators.h"
#include "template/unicode_text.h"

namespace bp::jinja {
namespace {

std::optional<double> parse_float(std::string_view text) {
  const std::string stripped(strip(text, nullptr, true, true));
  if (stripped.empty() || stripped.contains('x') || stripped.contains('X')) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(stripped.c_str(), &end);
  return end == stripped.c_str() + stripped.size() ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> whole(double value) {
  if (!(std::fabs(value) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> parse_int(std::string_view text, int base) {
  std::string_view s = strip(text, nullptr, true, true);
  const bool negative = s.starts_with('-');
  if (negative || s.starts_with('+')) s.remove_prefix(1);
  if (base == 16 && (s.starts_with("0x") || s.starts_with("0X"))) s.remove_prefix(2);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value, base);
  if (s.empty() || s[0] == '-' || error != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return negative ? -value : value;
}

Value filter_int(Run& run, const Value& v, const Arguments& arguments) {
  const Value* otherwise = arguments.find(0, "default");
  const Value* base = arguments.find(1, "base");
  const int64_t radix = base != nullptr && base->is_integer() ? base->as_int() : 10;
  if (v.is(Kind::kUndefined)) {
    fail_undefined(run, v);
    return {};
  }
  std::optional<int64_t> result;
  if (v.is_integer()) result = v.as_int();
  if (v.is(Kind::kFloat)) result = whole(v.as_float());
  if (v.is(Kind::kText)) {
    if (radix >= 2 && radix <= 36) result = parse_int(v.text(), static_cast<int>(radix));
    if (!result) {
      if (const auto number = parse_float(v.text())) result = whole(*number);
    }
  }
  if (result) return Value::of(*result);
  return otherwise != nullptr ? *otherwise : Value::of(int64_t{0});
}

Value filter_float(Run& run, const Value& v, const Arguments& arguments) {
  if (v.is(Kind::kUndefined)) fail_undefined(run, v);
  if (v.is_number()) return Value::of(v.as_float());
  if (v.is(Kind::kText)) {
    if (const auto number = parse_float(v.text())) return Value::of(*number);
  }
  const Value* otherwise = arguments.find(0, "default");
  return otherwise != nullptr ? *otherwise : Value::of(0.0);
}

bool needs_number(Run& run, const Value& v, std::string_view filter) {
  if (v.is(Kind::kUndefined)) {
    fail_undefined(run, v);
  } else if (!v.is_number()) {
    run.fail(fmt::format("bad operand type for {}: '{}'", filter, type_name(v)));
  }
  return !run.failed();
}

Value filter_abs(Run& run, const Value& v, const Arguments&) {
  if (!needs_number(run, v, "abs()")) return {};
  if (v.is(Kind::kFloat)) return Value::of(std::fabs(v.as_float()));
  return v.as_int() < 0 ? negate(run, v) : Value::of(v.as_int());
}

Value filter_round(Run& run, const Value& v, const Arguments& arguments) {
  if (!needs_number(run, v, "round()")) return {};
  const Value* precision = arguments.find(0, "precision");
  const Value* method = arguments.find(1, "method");
  const std::string_view how = method != nullptr && method->is(Kind::kText) ? method->text() : "common";
  const double scale = std::pow(10.0, precision != nullptr && precision->is_number() ? precision->as_float() : 0.0);
  const double scaled = v.as_float() * scale;
  const double rounded = how == "ceil"    ? std::ceil(scaled)
                         : how == "floor" ? std::floor(scaled)
                                          : std::nearbyint(scaled);
  return Value::of(rounded / scale);
}

Value filter_default(Run& run, const Value& v, const Arguments& arguments) {
  const Value* boolean = arguments.find(1, "boolean");
  const bool replace = v.is(Kind::kUndefined) || (boolean != nullptr && truthy(*boolean) && !truthy(v));
  if (!replace) return v;
  const Value* otherwise = arguments.find(0, "default_value");
  return otherwise != nullptr ? *otherwise : make_text(run, "");
}

Value filter_length(Run& run, const Value& v, const Arguments&) { return Value::of(length(run, v)); }

struct Entry {
  std::string_view name;
  Filter filter;
};

constexpr Entry kEntries[] = {
    {"length", filter_length}, {"count", filter_length}, {"default", filter_default}, {"d", filter_default},
    {"int", filter_int},       {"float", filter_float},  {"abs", filter_abs},         {"round", filter_round},
};

}  // namespace

Filter find_number_filter(std::string_view name) {
  const auto* it = std::ranges::find(kEntries, name, &Entry::name);
  return it != std::end(kEntries) ? it->filter : nullptr;
}

}  // namespace bp::jinja
