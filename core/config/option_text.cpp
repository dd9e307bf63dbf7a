#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "config/option_value.h"
#include "config/units.h"

namespace bp {
namespace {

constexpr size_t kMaxShown = 80;  // of a value in a message

Literal scalar_of_text(OptionType type, const std::string& text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  int64_t whole = 0;
  double number = 0;
  switch (type) {
    case OptionType::kBool:
      if (text == "true" || text == "1") return {true};
      if (text == "false" || text == "0") return {false};
      return {text};
    case OptionType::kInt:
    case OptionType::kIntList:
      if (const auto read = std::from_chars(begin, end, whole); read.ec == std::errc() && read.ptr == end)
        return {whole};
      return {text};
    case OptionType::kFloat:
      if (const auto read = std::from_chars(begin, end, number); read.ec == std::errc() && read.ptr == end)
        return {number};
      return {text};
    default:
      return {text};
  }
}

void add_items(OptionType type, std::string_view text, std::vector<Literal>& items) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    if (!item.empty()) items.push_back(scalar_of_text(type, std::string(item)));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
}

template <class Item>
Literal literal_of_list(const std::vector<Item>& items) {
  std::vector<Literal> literals;
  for (const Item& item : items) literals.push_back({item});
  return {std::move(literals)};
}

struct ToLiteral {
  OptionType type;
  Literal operator()(bool flag) const { return {flag}; }
  Literal operator()(double number) const { return {number}; }
  Literal operator()(const std::string& text) const { return {text}; }
  Literal operator()(const std::vector<std::string>& items) const { return literal_of_list(items); }
  Literal operator()(const std::vector<int64_t>& items) const { return literal_of_list(items); }
  Literal operator()(int64_t number) const {
    if (type == OptionType::kDuration) return {format_duration_ms(number)};
    if (type == OptionType::kSize && number != 0) return {format_size(number)};
    return {number};
  }
};

Literal literal_of_value(OptionType type, const OptionValue& value) { return std::visit(ToLiteral{type}, value); }

struct Format {
  bool quoted;
  std::string_view separator;
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(int64_t number) const { return fmt::format("{}", number); }
  std::string operator()(double number) const { return write_json_double(number); }
  std::string operator()(const std::string& text) const { return quoted ? write_json_string(text) : text; }
  std::string operator()(const OtherLiteral& other) const { return other.kind; }
  std::string operator()(const std::vector<Literal>& items) const {
    std::string text;
    for (const Literal& item : items) {
      if (!text.empty()) text += separator;
      text += std::visit(*this, item.value);
    }
    return quoted ? "[" + text + "]" : text;
  }
};

}  // namespace

Literal literal_of_text(const OptionSpec& spec, std::span<const std::string> texts) {
  BP_CHECK(!texts.empty(), "{}", spec.key);
  if (spec.type != OptionType::kStringList && spec.type != OptionType::kIntList) {
    return scalar_of_text(spec.type, texts.back());
  }
  std::vector<Literal> items;
  for (const std::string& text : texts) add_items(spec.type, text, items);
  return {std::move(items)};
}

std::string format_option(OptionType type, const OptionValue& value) {
  return std::visit(Format{true, ", "}, literal_of_value(type, value).value);
}

std::string plain_option(OptionType type, const OptionValue& value) {
  return std::visit(Format{false, ","}, literal_of_value(type, value).value);
}

std::string format_literal(const Literal& literal) { return std::visit(Format{true, ", "}, literal.value); }

std::string shown_literal(const Literal& literal) {
  const std::string text = format_literal(literal);
  if (text.size() <= kMaxShown) return text;
  size_t end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80u) --end;
  return text.substr(0, end) + "…";
}

std::string plain_literal(const Literal& literal) { return std::visit(Format{false, ","}, literal.value); }

std::string option_range(const OptionSpec& spec) {
  if (!spec.min.empty() && !spec.max.empty()) return fmt::format("{} to {}", spec.min, spec.max);
  if (!spec.min.empty()) return fmt::format("at least {}", spec.min);
  if (!spec.max.empty()) return fmt::format("at most {}", spec.max);
  return {};
}

}  // namespace bp
