#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "template/filters.h"
#include "template/operators.h"
#include "template/unicode_text.h"

namespace bp::jinja {
namespace {

// Python allows one between two digits. False where one stands elsewhere.
bool drop_underscores(std::string& text) {
  const auto is_digit = [&](size_t i) {
    return i < text.size() && std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_' && (i == 0 || !is_digit(i - 1) || !is_digit(i + 1))) return false;
  }
  std::erase(text, '_');
  return true;
}

std::optional<double> parse_float(std::string_view text) {
  std::string stripped(strip(text, nullptr, true, true));
  if (!drop_underscores(stripped)) return std::nullopt;
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
  std::string digits(strip(text, nullptr, true, true));
  if (!drop_underscores(digits)) return std::nullopt;
  std::string_view s = digits;
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

// Python rounds the exact decimal value, to even where two are as near.
double rounded(double value, int64_t n_digits) {
  if (n_digits >= 0 && std::isfinite(value)) {
    return std::strtod(fmt::format("{:.{}f}", value, n_digits).c_str(), nullptr);
  }
  const double scale = std::pow(10.0, static_cast<double>(-n_digits));
  return std::isfinite(scale) ? std::nearbyint(value / scale) * scale : 0.0;
}

Value rounded_whole(int64_t value, int64_t n_digits) {
  if (n_digits >= 0) return Value::of(value);
  int64_t unit = 1;
  for (int64_t i = n_digits; i < 0; ++i) {
    if (__builtin_mul_overflow(unit, int64_t{10}, &unit)) return Value::of(int64_t{0});
  }
  const int64_t rest = value % unit < 0 ? value % unit + unit : value % unit;
  const int64_t below = value / unit - (value % unit < 0 ? 1 : 0);  // in units
  const bool up = rest > unit - rest || (rest == unit - rest && below % 2 != 0);
  int64_t result = 0;
  if (__builtin_mul_overflow(below + (up ? 1 : 0), unit, &result)) return Value::of(static_cast<double>(value));
  return Value::of(result);
}

Value filter_round(Run& run, const Value& v, const Arguments& arguments) {
  if (!needs_number(run, v, "round()")) return {};
  const Value* precision = arguments.find(0, "precision");
  const Value* method = arguments.find(1, "method");
  const std::string_view how = method != nullptr && method->is(Kind::kText) ? method->text() : "common";
  if (precision != nullptr && !precision->is_integer()) {
    run.fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(*precision)));
    return {};
  }
  constexpr int64_t kMaxDigits = 300;  // a double has no more
  const int64_t n_digits = precision != nullptr ? std::clamp(precision->as_int(), -kMaxDigits, kMaxDigits) : 0;
  const double scale = std::pow(10.0, static_cast<double>(n_digits));
  if (how == "ceil" || how == "floor") {
    const double scaled = v.as_float() * scale;
    return Value::of((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
  }
  if (how != "common") {
    run.fail("method must be common, ceil or floor");
    return {};
  }
  return v.is_integer() ? rounded_whole(v.as_int(), n_digits) : Value::of(rounded(v.as_float(), n_digits));
}

std::string with_unit(double bytes, bool binary) {
  static constexpr std::string_view kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  static constexpr std::string_view kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return "1 Byte";
  if (bytes < base) return fmt::format("{} Bytes", static_cast<int64_t>(std::max(bytes, -9e18)));
  double unit = base * base;
  size_t i = 0;
  for (; i + 1 < std::size(kDecimal) && bytes >= unit; ++i) unit *= base;
  return fmt::format("{:.1f} {}", base * bytes / unit, binary ? kBinary[i] : kDecimal[i]);
}

Value filter_filesizeformat(Run& run, const Value& v, const Arguments& arguments) {
  const Value* binary = arguments.find(0, "binary");
  const auto number = v.is(Kind::kText) ? parse_float(v.text())
                      : v.is_number()   ? std::optional(v.as_float())
                                        : std::nullopt;
  if (!number || std::isnan(*number)) {
    run.fail(fmt::format("float() argument must be a string or a real number, not '{}'", type_name(v)));
    return {};
  }
  return make_text(run, with_unit(*number, binary != nullptr && truthy(*binary)));
}

Value filter_default(Run& run, const Value& v, const Arguments& arguments) {
  const Value* boolean = arguments.find(1, "boolean");
  const bool replace = v.is(Kind::kUndefined) || (boolean != nullptr && truthy(*boolean) && !truthy(v));
  if (!replace) return v;
  const Value* otherwise = arguments.find(0, "default_value");
  return otherwise != nullptr ? *otherwise : make_text(run, "");
}

Value filter_length(Run& run, const Value& v, const Arguments&) { return Value::of(length(run, v)); }

constexpr Filter kFilters[] = {
    {"length", filter_length},
    {"count", filter_length},
    {"default", filter_default, 0, {"default_value", "boolean"}},
    {"d", filter_default, 0, {"default_value", "boolean"}},
    {"int", filter_int, 0, {"default", "base"}},
    {"float", filter_float, 0, {"default"}},
    {"abs", filter_abs},
    {"round", filter_round, 0, {"precision", "method"}},
    {"filesizeformat", filter_filesizeformat, 0, {"binary"}},
};

}  // namespace

const Filter* find_number_filter(std::string_view name) {
  const auto* it = std::ranges::find(kFilters, name, &Filter::name);
  return it != std::end(kFilters) ? it : nullptr;
}

}  // namespace bp::jinja
