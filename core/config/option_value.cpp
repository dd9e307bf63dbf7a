#include "config/option_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/json.h"
#include "config/units.h"

namespace bp {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A limit of the table in the option's own unit.
std::optional<int64_t> parse_int_of(OptionType type, std::string_view text) {
  if (type == OptionType::kSize) return parse_size(text);
  if (type == OptionType::kDuration) return parse_duration_ms(text);
  return parse_number<int64_t>(text);
}

std::string wanted(const OptionSpec& spec) {
  const std::string range = option_range(spec);
  const std::string limits = range.empty() ? "" : ", " + range;
  switch (spec.type) {
    case OptionType::kBool:
      return "write true or false";
    case OptionType::kInt:
      return (spec.power_of_two ? "write a power of two" : "write a whole number") + limits;
    case OptionType::kFloat:
      return "write a number" + limits;
    case OptionType::kString:
      return "write a string in quotes";
    case OptionType::kEnum:
      return fmt::format("use one of {}", fmt::join(spec.choices, ", "));
    case OptionType::kStringList:
      if (spec.choices.empty()) return "write a list of strings, as [\"a\", \"b\"]";
      return fmt::format("write a list of {}", fmt::join(spec.choices, ", "));
    case OptionType::kIntList:
      return "write a list of whole numbers" + limits;
    case OptionType::kSize:
      return "write bytes or a size as \"512MiB\"" + limits;
    case OptionType::kDuration:
      return "write a duration as \"500ms\" or \"5s\"" + limits;
  }
  return {};
}

ValueProblem problem(const OptionSpec& spec, const Literal& literal, std::string_view is) {
  return {fmt::format("= {} {}", shown_literal(literal), is), wanted(spec)};
}

std::string_view kind_of(const Literal& literal) {
  struct Kind {
    std::string_view operator()(bool) const { return "a boolean"; }
    std::string_view operator()(int64_t) const { return "an integer"; }
    std::string_view operator()(double) const { return "a number with a fraction"; }
    std::string_view operator()(const std::string&) const { return "a string"; }
    std::string_view operator()(const std::vector<Literal>&) const { return "a list"; }
    std::string_view operator()(const OtherLiteral& other) const { return other.kind; }
  };
  return std::visit(Kind{}, literal.value);
}

std::string_view needed(OptionType type) {
  switch (type) {
    case OptionType::kBool:
      return "a boolean";
    case OptionType::kInt:
      return "an integer";
    case OptionType::kFloat:
      return "a number";
    case OptionType::kString:
    case OptionType::kEnum:
      return "a string";
    case OptionType::kStringList:
      return "a list of strings";
    case OptionType::kIntList:
      return "a list of integers";
    case OptionType::kSize:
      return "a size";
    case OptionType::kDuration:
      return "a duration";
  }
  return {};
}

std::unexpected<ValueProblem> wrong_type(const OptionSpec& spec, const Literal& literal) {
  return std::unexpected(problem(spec, literal, fmt::format("is {}, not {}", kind_of(literal), needed(spec.type))));
}

using Checked = std::expected<OptionValue, ValueProblem>;

Checked check_int(const OptionSpec& spec, const Literal& literal, int64_t value) {
  const std::optional<int64_t> min = parse_int_of(spec.type, spec.min), max = parse_int_of(spec.type, spec.max);
  if ((min && value < *min) || (max && value > *max)) return std::unexpected(problem(spec, literal, "is out of range"));
  if (spec.power_of_two && (value <= 0 || !std::has_single_bit(static_cast<uint64_t>(value)))) {
    return std::unexpected(problem(spec, literal, "is not a power of two"));
  }
  return value;
}

Checked check_float(const OptionSpec& spec, const Literal& literal) {
  double value = 0;
  if (const auto* whole = std::get_if<int64_t>(&literal.value)) {
    value = static_cast<double>(*whole);
  } else if (const auto* number = std::get_if<double>(&literal.value)) {
    value = *number;
  } else {
    return wrong_type(spec, literal);
  }
  const std::optional<double> min = parse_number<double>(spec.min), max = parse_number<double>(spec.max);
  if (!std::isfinite(value) || (min && value < *min) || (max && value > *max)) {
    return std::unexpected(problem(spec, literal, "is out of range"));
  }
  return value;
}

Checked check_string(const OptionSpec& spec, const Literal& literal) {
  const auto* text = std::get_if<std::string>(&literal.value);
  if (text == nullptr) return wrong_type(spec, literal);
  // Paths and names go on to C interfaces, which would see only the part before it.
  if (text->contains('\0')) return std::unexpected(problem(spec, literal, "holds a NUL character"));
  if (!spec.choices.empty() && std::ranges::find(spec.choices, *text) == spec.choices.end()) {
    return std::unexpected(problem(spec, literal, "is not one of the choices"));
  }
  return *text;
}

// Of "512MiB" and "5s".
Checked check_unit(const OptionSpec& spec, const Literal& literal) {
  if (const auto* number = std::get_if<int64_t>(&literal.value)) {
    if (spec.type == OptionType::kSize || *number == 0) return check_int(spec, literal, *number);
    return std::unexpected(problem(spec, literal, "has no unit"));
  }
  const auto* text = std::get_if<std::string>(&literal.value);
  if (text == nullptr) return wrong_type(spec, literal);
  const std::optional<int64_t> value = parse_int_of(spec.type, *text);
  if (!value) return std::unexpected(problem(spec, literal, fmt::format("is not {}", needed(spec.type))));
  return check_int(spec, literal, *value);
}

template <class Item>
Checked check_list(const OptionSpec& spec, const Literal& literal, OptionType item_type) {
  const auto* items = std::get_if<std::vector<Literal>>(&literal.value);
  if (items == nullptr) return wrong_type(spec, literal);
  if (items->size() < spec.min_items) return std::unexpected(problem(spec, literal, "is empty"));
  OptionSpec item_spec = spec;
  item_spec.type = item_type;
  std::vector<Item> values;
  for (const Literal& item : *items) {
    Checked value = check_literal(item_spec, item);
    if (!value) return std::unexpected(ValueProblem{"has an item that " + value.error().what, wanted(spec)});
    values.push_back(std::get<Item>(*std::move(value)));
  }
  return values;
}

}  // namespace

Checked check_literal(const OptionSpec& spec, const Literal& literal) {
  switch (spec.type) {
    case OptionType::kBool:
      if (const auto* flag = std::get_if<bool>(&literal.value)) return *flag;
      return wrong_type(spec, literal);
    case OptionType::kInt:
      if (const auto* number = std::get_if<int64_t>(&literal.value)) return check_int(spec, literal, *number);
      return wrong_type(spec, literal);
    case OptionType::kFloat:
      return check_float(spec, literal);
    case OptionType::kString:
    case OptionType::kEnum:
      return check_string(spec, literal);
    case OptionType::kStringList:
      return check_list<std::string>(spec, literal, OptionType::kString);
    case OptionType::kIntList:
      return check_list<int64_t>(spec, literal, OptionType::kInt);
    case OptionType::kSize:
    case OptionType::kDuration:
      return check_unit(spec, literal);
  }
  return wrong_type(spec, literal);
}

}  // namespace bp
