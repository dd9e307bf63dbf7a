#include "template/percent_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "template/operators.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

constexpr int64_t kMaxWidth = 10'000;

struct Specification {
  char32_t fill = ' ';
  char align = '\0';
  char sign = '-';
  bool zero = false;
  bool comma = false;
  int64_t width = 0;
  int64_t precision = -1;
  char type = '\0';
};

int64_t read_number(std::string_view text, size_t& at, int64_t otherwise) {
  int64_t value = 0;
  const size_t begin = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = std::min(value * 10 + (text[at++] - '0'), kMaxWidth + 1);
  }
  return at == begin ? otherwise : value;
}

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

// [[fill]align][sign][0][width][,][.precision][type]
bool read_specification(std::string_view text, Specification& spec) {
  size_t at = 0;
  const size_t first = text.empty() ? 0 : char_bytes(text, 0);
  if (first < text.size() && is_align(text[first])) {
    spec.fill = char_at(text, 0);
    spec.align = text[first];
    at = first + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[at++];
  }
  const auto here = [&](std::string_view chars) { return at < text.size() && chars.contains(text[at]); };
  if (here("+- ")) spec.sign = text[at++];
  if (here("0")) {
    spec.zero = true;
    ++at;
  }
  spec.width = read_number(text, at, 0);
  if (here(",")) {
    spec.comma = true;
    ++at;
  }
  if (here(".")) spec.precision = read_number(text, ++at, 0);
  if (at < text.size()) spec.type = text[at++];
  return at == text.size() && spec.width <= kMaxWidth && spec.precision <= kMaxWidth;
}

std::string with_commas(const std::string& digits) {
  const size_t whole = std::min(digits.find('.'), digits.size());
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i < whole && (whole - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string number_digits(const Value& value, const Specification& spec) {
  const double magnitude = std::abs(value.as_float());
  const int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  switch (spec.type) {
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", magnitude, precision);
    case 'e':
      return fmt::format("{:.{}e}", magnitude, precision);
    case 'g':
      return fmt::format("{:.{}g}", magnitude, precision);
    case '%':
      return fmt::format("{:.{}f}%", magnitude * 100, precision);
    default:
      break;
  }
  if (!value.is_integer()) return fmt::format("{:.0f}", std::trunc(magnitude));
  const int64_t whole = value.as_int();
  const uint64_t digits = whole < 0 ? 0 - static_cast<uint64_t>(whole) : static_cast<uint64_t>(whole);
  if (spec.type == 'x') return fmt::format("{:x}", digits);
  if (spec.type == 'X') return fmt::format("{:X}", digits);
  if (spec.type == 'o') return fmt::format("{:o}", digits);
  if (spec.type == 'b') return fmt::format("{:b}", digits);
  return fmt::to_string(digits);
}

std::string pad(const std::string& text, const Specification& spec, char default_align, size_t sign_bytes) {
  const auto n = static_cast<int64_t>(count_chars(text));
  const int64_t missing = spec.width - n;
  if (missing <= 0) return text;
  const char align = spec.align != '\0' ? spec.align : spec.zero ? '=' : default_align;
  const int64_t left = align == '<' || align == '=' ? 0 : align == '^' ? missing / 2 : missing;
  std::string out = align == '=' ? text.substr(0, sign_bytes) : "";
  const auto fill = [&](int64_t times) {
    for (int64_t i = 0; i < times; ++i) append_char(out, spec.zero && spec.align == '\0' ? U'0' : spec.fill);
  };
  if (align == '=') {
    fill(missing);
    return out + text.substr(sign_bytes);
  }
  fill(left);
  out += text;
  fill(missing - left);
  return out;
}

std::string format_number(const Value& value, const Specification& spec) {
  std::string digits = number_digits(value, spec);
  if (spec.comma) digits = with_commas(digits);
  const bool is_zero = digits.find_first_not_of("0") == std::string::npos;
  const std::string sign = value.as_float() < 0 && !is_zero ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  return pad(sign + digits, spec, '>', sign.size());
}

// `is_plain`: there is no specification.
std::string format_value(Run& run, const Value& value, const Specification& spec, bool is_plain = false) {
  if (value.is(Kind::kBool) && !is_plain) return format_value(run, Value::of(value.as_int()), spec);
  const bool as_number = std::string_view("dfFeg%xXob").contains(spec.type) && spec.type != '\0';
  if (value.is_number() && (as_number || (spec.type == '\0' && value.is(Kind::kInt))))
    return format_number(value, spec);
  if (as_number) {
    run.fail(fmt::format("Unknown format code '{}' for object of type '{}'", spec.type, type_name(value)));
    return {};
  }
  if (!is_plain && !value.is(Kind::kText) && !value.is_number()) {
    run.fail(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
    return {};
  }
  std::string text = to_text(run, value);
  if (spec.precision >= 0) text.resize(byte_of_char(text, static_cast<size_t>(spec.precision)));
  return pad(text, spec, value.is_number() ? '>' : '<', 0);
}

// The parts of one {field}: name, path, !conversion, :specification.
class BraceField {
 public:
  BraceField(Run& run, std::string_view field, const Arguments& arguments) : run_(run), arguments_(arguments) {
    const size_t colon = field.find(':');
    if (colon != std::string_view::npos) specification_ = field.substr(colon + 1);
    name_ = field.substr(0, colon);
    if (const size_t bang = name_.find('!'); bang != std::string_view::npos) {
      conversion_ = name_.substr(bang + 1);
      name_ = name_.substr(0, bang);
    }
  }

  std::string format(size_t& next_place) {
    Value value = find(next_place);
    Specification spec;
    if (!read_specification(specification_, spec)) run_.fail("Invalid format specifier");
    if (run_.failed()) return {};
    if (conversion_ == "r") value = make_text(run_, to_repr(run_, value));
    if (conversion_ == "s") value = make_text(run_, to_text(run_, value));
    return format_value(run_, value, spec, specification_.empty());
  }

 private:
  Value find(size_t& next_place) {
    const size_t end = std::min(name_.find_first_of(".["), name_.size());
    const std::string_view head = name_.substr(0, end);
    size_t place = 0;
    const auto [stop, error] = std::from_chars(head.data(), head.data() + head.size(), place);
    const bool by_place = head.empty() || (error == std::errc() && stop == head.data() + head.size());
    if (head.empty()) place = next_place++;
    const Value* value = by_place ? arguments_.find(place, "") : arguments_.find(~size_t{0}, head);
    if (value == nullptr) {
      run_.fail(by_place ? "Replacement index out of range for positional args tuple"
                         : fmt::format("KeyError: '{}'", head));
      return {};
    }
    return follow(*value, name_.substr(end));
  }

  Value follow(Value value, std::string_view path) {
    while (!path.empty() && run_.step()) {
      if (path[0] == '.') {
        const size_t end = std::min(path.find_first_of(".[", 1), path.size());
        value = get_attribute(run_, value, path.substr(1, end - 1));
        path = path.substr(end);
      } else {
        const size_t end = path.find(']');
        if (end == std::string_view::npos) {
          run_.fail("expected ']' before end of string");
          break;
        }
        value = get_path(run_, value, make_text(run_, std::string(path.substr(1, end - 1))));
        path = path.substr(end + 1);
      }
    }
    return value;
  }

  Run& run_;
  const Arguments& arguments_;
  std::string_view name_, conversion_, specification_;
};

}  // namespace

std::string brace_format(Run& run, std::string_view text, const Arguments& arguments) {
  std::string out;
  size_t next_place = 0;
  for (size_t at = 0; at < text.size() && run.fits(out.size());) {
    const size_t brace = std::min(text.find_first_of("{}", at), text.size());
    out += text.substr(at, brace - at);
    at = brace;
    if (at == text.size()) break;
    if (at + 1 < text.size() && text[at + 1] == text[at]) {
      out += text[at];
      at += 2;
      continue;
    }
    const size_t end = text[at] == '{' ? text.find('}', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      run.fail("Single '{' or '}' encountered in format string");
      break;
    }
    out += BraceField(run, text.substr(at + 1, end - at - 1), arguments).format(next_place);
    at = end + 1;
  }
  return out;
}

std::string percent_format(Run& run, std::string_view text, const Value& values) {
  std::string out;
  size_t next_place = 0;
  for (size_t at = 0; at < text.size() && run.fits(out.size());) {
    const size_t percent = std::min(text.find('%', at), text.size());
    out += text.substr(at, percent - at);
    at = percent + 1;
    if (percent == text.size()) break;
    if (at < text.size() && text[at] == '%') {
      out += '%';
      ++at;
      continue;
    }
    Value value;
    if (at < text.size() && text[at] == '(') {
      const size_t end = std::min(text.find(')', at), text.size() - 1);
      value = get_item(run, values, make_text(run, std::string(text.substr(at + 1, end - at - 1))));
      at = end + 1;
    } else if (values.is(Kind::kTuple)) {
      if (next_place >= values.items().size()) {
        run.fail("not enough arguments for format string");
        break;
      }
      value = values.items()[next_place++];
    } else if (next_place++ == 0) {
      value = values;
    } else {
      run.fail("not enough arguments for format string");
      break;
    }
    const size_t begin = at;
    while (at < text.size() && std::string_view("0123456789.-+ #").contains(text[at])) ++at;
    if (at == text.size()) {
      run.fail("incomplete format");
      break;
    }
    std::string form(text.substr(begin, at - begin));
    char type = text[at++];
    if (!std::string_view("diouxXeEfFgGrsa").contains(type)) run.fail("unsupported format character");
    if (type == 'r' || type == 'a') value = make_text(run, to_repr(run, value));
    if (type == 'u') type = 'd';
    if (type == 'a') type = 'r';
    if (type == 'r' || type == 's') type = 's';
    if (type == 'i') type = 'd';
    Specification spec;
    const bool to_left = form.starts_with('-');
    if (to_left) form.erase(0, 1);
    if (!read_specification(form + type, spec)) run.fail("unsupported format character");
    if (spec.align == '\0') spec.align = to_left ? '<' : spec.zero ? '\0' : '>';
    if (run.failed()) break;
    if (type == 's') spec.type = '\0';
    out += type == 's' && !value.is(Kind::kText) ? format_value(run, make_text(run, to_text(run, value)), spec)
                                                 : format_value(run, value, spec);
  }
  // What has items at all may give none of them.
  const bool has_items =
      values.is(Kind::kDict) || values.is(Kind::kList) || values.is(Kind::kRange) || values.is(Kind::kUndefined);
  const bool all_used = values.is(Kind::kTuple) ? next_place == values.items().size() : next_place > 0 || has_items;
  if (!all_used) run.fail("not all arguments converted during string formatting");
  return out;
}

}  // namespace bp::jinja
