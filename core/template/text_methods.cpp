#include "template/text_methods.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/operators.h"
#include "template/percent_format.h"
#include "template/text_split.h"
#include "template/unicode_case.h"
#include "template/unicode_class.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

std::string padded(Run& run, std::string_view text, int64_t left, int64_t right, std::string_view fill) {
  std::string out;
  if (!run.may_make(text.size() + static_cast<uint64_t>(left + right) * fill.size())) return out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = 0; i < right; ++i) out += fill;
  return out;
}

class TextMethods {
 public:
  TextMethods(Run& run, const Value& self, std::string_view name, const Arguments& arguments)
      : run_(run), self_(self), name_(name), text_(self.text()), arguments_(arguments) {}

  Value strip_left() { return stripped(true, false); }
  Value strip_right() { return stripped(false, true); }
  Value strip_both() { return stripped(true, true); }
  Value to_upper() { return make(upper(text_)); }
  Value to_lower() { return make(lower(text_)); }
  Value casefold() { return make(case_folded(text_)); }
  Value swapcase() { return make(swapped_case(text_)); }
  Value title() { return make(titled(text_)); }
  Value capitalize() { return make(capitalized(text_)); }

  Value starts_with() {
    return any_affix([](std::string_view text, std::string_view affix) { return text.starts_with(affix); });
  }
  Value ends_with() {
    return any_affix([](std::string_view text, std::string_view affix) { return text.ends_with(affix); });
  }
  Value remove_prefix() {
    const auto prefix = text_argument(0);
    return make(std::string(text_.starts_with(prefix) ? text_.substr(prefix.size()) : text_));
  }
  Value remove_suffix() {
    const auto suffix = text_argument(0);
    return make(std::string(text_.ends_with(suffix) ? text_.substr(0, text_.size() - suffix.size()) : text_));
  }
  Value replace() {
    const auto from = text_argument(0);
    const auto to = text_argument(1);
    return make(replace_all(run_, text_, from, to, integer(2, "count", -1)));
  }

  Value find() { return Value::of(find_within(false)); }
  Value find_last() { return Value::of(find_within(true)); }
  Value index() { return must_be_found(find()); }
  Value index_last() { return must_be_found(find_last()); }
  Value count() {
    const auto part = text_argument(0);
    const Window window = window_of(1);
    if (window.is_beyond) return Value::of(int64_t{0});
    if (part.empty()) return Value::of(static_cast<int64_t>(count_chars(window.text)) + 1);
    int64_t n = 0;
    for (size_t at = 0; (at = window.text.find(part, at)) != kNone; at += part.size()) ++n;
    return Value::of(n);
  }

  Value format() { return make(brace_format(run_, text_, arguments_)); }
  Value split() { return split_at(false); }
  Value split_right() { return split_at(true); }
  Value lines() {
    return make_pieces(run_, split_lines(run_, text_, integer(0, "keepends", 0) != 0), self_.is_safe_text());
  }
  Value join() {
    const Values items = iterate(run_, arguments_.positional[0]);
    std::string out;
    for (size_t i = 0; i < items.size() && run_.step(); ++i) {
      if (self_.is_safe_text()) {  // Markup takes anything, escaped
        if (i > 0) out += text_;
        const std::string item = to_text(run_, items[i]);
        out += items[i].is_safe_text() ? item : escape_html(item);
        run_.fits(out.size());
      } else if (!items[i].is(Kind::kText)) {
        run_.fail(fmt::format("sequence item {}: expected str instance, {} found", i, type_name(items[i])));
      } else if (run_.fits(out.size())) {
        if (i > 0) out += text_;
        out += items[i].text();
      }
    }
    return make(std::move(out));
  }
  Value partition() {
    const auto separator = separator_argument();
    const size_t at = text_.find(separator);
    return at != kNone ? parted(at, separator) : tuple(text_, "", "");
  }
  Value partition_right() {
    const auto separator = separator_argument();
    const size_t at = text_.rfind(separator);
    return at != kNone ? parted(at, separator) : tuple("", "", text_);
  }

  Value is_decimals() { return all_chars(is_decimal); }
  Value is_digits() { return all_chars(is_digit); }
  Value is_numbers() { return all_chars(is_numeric); }
  Value is_letters() { return all_chars(is_letter); }
  Value is_letters_or_digits() {
    return all_chars([](char32_t c) { return is_letter(c) || is_digit(c) || is_numeric(c); });
  }
  Value is_spaces() { return all_chars(is_space); }
  Value is_ascii() {
    return Value::of(std::ranges::all_of(text_, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  }
  Value is_printables() { return text_.empty() ? Value::of(true) : all_chars(is_printable); }
  Value is_all_upper() { return is_all_of(is_upper, is_lower); }
  Value is_all_lower() { return is_all_of(is_lower, is_upper); }
  Value is_titled() {
    bool after_cased = false;
    bool any = false;
    for (size_t at = 0; at < text_.size(); at += char_bytes(text_, at)) {
      const char32_t c = char_at(text_, at);
      if (is_upper(c) || is_title(c) ? after_cased : is_lower(c) && !after_cased) return Value::of(false);
      after_cased = is_cased(c);
      any |= after_cased;
    }
    return Value::of(any);
  }
  Value is_identifier() {
    if (text_.empty() || !may_start_identifier(char_at(text_, 0))) return Value::of(false);
    return all_chars(may_continue_identifier);
  }

  Value fill_zeros() {
    const int64_t missing = integer(0, "width", 0) - n_chars();
    if (missing <= 0 || !run_.may_make(static_cast<uint64_t>(missing))) return self_;
    const size_t sign = text_.starts_with('-') || text_.starts_with('+') ? 1 : 0;
    return make(std::string(text_.substr(0, sign)) + std::string(static_cast<size_t>(missing), '0') +
                std::string(text_.substr(sign)));
  }
  Value center() { return make(centered(run_, text_, integer(0, "width", 0), fill_argument())); }
  Value to_left() { return make(padded(run_, text_, 0, missing_chars(), fill_argument())); }
  Value to_right() { return make(padded(run_, text_, missing_chars(), 0, fill_argument())); }
  Value expand_tabs() {
    const int64_t size = integer(0, "tabsize", 8);
    std::string out;
    int64_t column = 0;
    for (size_t at = 0; at < text_.size() && run_.fits(out.size());) {
      const size_t n = char_bytes(text_, at);
      if (text_[at] == '\t') {
        const int64_t blanks = size > 0 ? size - column % size : 0;
        if (run_.may_make(static_cast<uint64_t>(blanks))) out.append(static_cast<size_t>(blanks), ' ');
        column += blanks;
      } else {
        out += text_.substr(at, n);
        column = text_[at] == '\n' || text_[at] == '\r' ? 0 : column + 1;
      }
      at += n;
    }
    return make(std::move(out));
  }

 private:
  // The part of the text between two optional indices, as find() and its like take them.
  struct Window {
    std::string_view text;
    int64_t first_char = 0;
    bool is_beyond = false;  // it starts behind the end: not even nothing is found there
  };

  Value make(std::string text) { return make_text(run_, std::move(text), self_.is_safe_text()); }
  int64_t n_chars() const { return static_cast<int64_t>(self_.text_box().n_chars()); }

  Value tuple(std::string_view a, std::string_view b, std::string_view c) {
    return make_sequence(run_, Kind::kTuple, {make(std::string(a)), make(std::string(b)), make(std::string(c))});
  }
  Value parted(size_t at, std::string_view separator) {
    return tuple(text_.substr(0, at), separator, text_.substr(at + separator.size()));
  }

  std::string_view text_argument(size_t place) {
    const Value& value = arguments_.positional[place];
    if (value.is(Kind::kText)) return value.text();
    run_.fail(fmt::format("{}() argument {} must be str, not {}", name_, place + 1, type_name(value)));
    return {};
  }

  std::string_view separator_argument() {
    const auto separator = text_argument(0);
    if (separator.empty()) run_.fail("empty separator");
    return separator;
  }

  std::string_view fill_argument() {
    if (arguments_.positional.size() < 2) return " ";
    const auto fill = text_argument(1);
    if (count_chars(fill) == 1) return fill;
    run_.fail("The fill character must be exactly one character long");
    return " ";
  }

  int64_t integer(size_t place, std::string_view name, int64_t otherwise) {
    const Value* value = arguments_.find(place, name);
    if (value == nullptr) return otherwise;
    if (value->is_integer()) return value->as_int();
    run_.fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(*value)));
    return otherwise;
  }

  int64_t missing_chars() { return std::max<int64_t>(0, integer(0, "width", 0) - n_chars()); }

  Window window_of(size_t first_place) {
    if (arguments_.positional.size() <= first_place) return {text_};
    const int64_t n = n_chars();
    const auto bound = [&](size_t place, int64_t otherwise) {
      if (place >= arguments_.positional.size() || arguments_.positional[place].is(Kind::kNone)) return otherwise;
      const int64_t i = integer(place, "", otherwise);
      return std::max<int64_t>(0, i < 0 ? i + n : i);
    };
    const int64_t start = bound(first_place, 0);
    const int64_t stop = std::min(bound(first_place + 1, n), n);
    if (start > stop) return {{}, start, true};
    const size_t begin = byte_of_char(text_, static_cast<size_t>(start));
    const size_t end = byte_of_char(text_, static_cast<size_t>(stop));
    return {text_.substr(begin, end - begin), start};
  }

  int64_t find_within(bool last) {
    const auto part = text_argument(0);
    const Window window = window_of(1);
    const size_t at = window.is_beyond ? kNone : last ? window.text.rfind(part) : window.text.find(part);
    return at == kNone ? -1 : window.first_char + static_cast<int64_t>(count_chars(window.text.substr(0, at)));
  }

  Value must_be_found(Value found) {
    if (found.as_int() < 0) run_.fail("substring not found");
    return found;
  }

  Value stripped(bool left, bool right) {
    if (arguments_.positional.empty() || arguments_.positional[0].is(Kind::kNone)) {
      return make(std::string(strip(text_, nullptr, left, right)));
    }
    const std::string_view set = text_argument(0);
    return make(std::string(strip(text_, &set, left, right)));
  }

  template <class Fits>
  Value any_affix(Fits fits) {
    const Window window = window_of(1);
    const Value& affix = arguments_.positional[0];
    if (!affix.is(Kind::kTuple)) return Value::of(fits(window.text, text_argument(0)) && !window.is_beyond);
    for (const Value& one : affix.items()) {
      if (!one.is(Kind::kText)) {
        run_.fail(fmt::format("tuple for {} must only contain str, not {}", name_, type_name(one)));
      } else if (!window.is_beyond && fits(window.text, one.text())) {
        return Value::of(true);
      }
    }
    return Value::of(false);
  }

  template <class Accept>
  Value all_chars(Accept accept) {
    for (size_t at = 0; at < text_.size(); at += char_bytes(text_, at)) {
      if (!accept(char_at(text_, at))) return Value::of(false);
    }
    return Value::of(!text_.empty());
  }

  Value is_all_of(bool (*wanted)(char32_t), bool (*other)(char32_t)) {
    bool any = false;
    for (size_t at = 0; at < text_.size(); at += char_bytes(text_, at)) {
      const char32_t c = char_at(text_, at);
      if (other(c) || is_title(c)) return Value::of(false);
      any |= wanted(c);
    }
    return Value::of(any);
  }

  Value split_at(bool from_right) {
    const Value* separator = arguments_.find(0, "sep");
    const int64_t limit = integer(1, "maxsplit", -1);
    if (separator == nullptr || separator->is(Kind::kNone)) {
      return pieces(from_right ? split_spaces_from_right(run_, text_, limit) : split_spaces(run_, text_, limit));
    }
    if (!separator->is(Kind::kText)) {
      run_.fail(fmt::format("must be str or None, not {}", type_name(*separator)));
    } else if (separator->text().empty()) {
      run_.fail("empty separator");
    }
    if (run_.failed()) return {};
    const std::string_view by = separator->text();
    return pieces(from_right ? split_by_from_right(run_, text_, by, limit) : split_by(run_, text_, by, limit));
  }
  Value pieces(const Pieces& pieces) { return make_pieces(run_, pieces, self_.is_safe_text()); }

  Run& run_;
  const Value& self_;
  std::string_view name_;
  std::string_view text_;
  const Arguments& arguments_;
};

struct TextMethod {
  std::string_view name;
  Value (TextMethods::*call)();
  size_t least = 0, most = 0;         // arguments
  std::string_view keywords[2] = {};  // those that may be given by name, by their place
};

constexpr size_t kAny = ~size_t{0};

constexpr TextMethod kTextMethods[] = {
    {"strip", &TextMethods::strip_both, 0, 1},
    {"lstrip", &TextMethods::strip_left, 0, 1},
    {"rstrip", &TextMethods::strip_right, 0, 1},
    {"split", &TextMethods::split, 0, 2, {"sep", "maxsplit"}},
    {"rsplit", &TextMethods::split_right, 0, 2, {"sep", "maxsplit"}},
    {"splitlines", &TextMethods::lines, 0, 1, {"keepends"}},
    {"startswith", &TextMethods::starts_with, 1, 3},
    {"endswith", &TextMethods::ends_with, 1, 3},
    {"replace", &TextMethods::replace, 2, 3},
    {"upper", &TextMethods::to_upper},
    {"lower", &TextMethods::to_lower},
    {"casefold", &TextMethods::casefold},
    {"swapcase", &TextMethods::swapcase},
    {"title", &TextMethods::title},
    {"capitalize", &TextMethods::capitalize},
    {"find", &TextMethods::find, 1, 3},
    {"rfind", &TextMethods::find_last, 1, 3},
    {"index", &TextMethods::index, 1, 3},
    {"rindex", &TextMethods::index_last, 1, 3},
    {"count", &TextMethods::count, 1, 3},
    {"join", &TextMethods::join, 1, 1},
    {"format", &TextMethods::format, 0, kAny},
    {"isdigit", &TextMethods::is_digits},
    {"isdecimal", &TextMethods::is_decimals},
    {"isnumeric", &TextMethods::is_numbers},
    {"isalpha", &TextMethods::is_letters},
    {"isalnum", &TextMethods::is_letters_or_digits},
    {"isspace", &TextMethods::is_spaces},
    {"isascii", &TextMethods::is_ascii},
    {"isprintable", &TextMethods::is_printables},
    {"isupper", &TextMethods::is_all_upper},
    {"islower", &TextMethods::is_all_lower},
    {"istitle", &TextMethods::is_titled},
    {"isidentifier", &TextMethods::is_identifier},
    {"partition", &TextMethods::partition, 1, 1},
    {"rpartition", &TextMethods::partition_right, 1, 1},
    {"zfill", &TextMethods::fill_zeros, 1, 1},
    {"center", &TextMethods::center, 1, 2},
    {"ljust", &TextMethods::to_left, 1, 2},
    {"rjust", &TextMethods::to_right, 1, 2},
    {"expandtabs", &TextMethods::expand_tabs, 0, 1, {"tabsize"}},
    {"removeprefix", &TextMethods::remove_prefix, 1, 1},
    {"removesuffix", &TextMethods::remove_suffix, 1, 1},
};

const TextMethod* find_text_method(std::string_view name) {
  const auto* it = std::ranges::find(kTextMethods, name, &TextMethod::name);
  return it != std::end(kTextMethods) ? it : nullptr;
}

bool accepts(Run& run, const TextMethod& method, const Arguments& arguments) {
  const size_t n = arguments.positional.size();
  if (n < method.least || n > method.most) {
    run.fail(fmt::format("{}() takes {} to {} arguments ({} given)", method.name, method.least, method.most, n));
  }
  if (method.most == kAny) return !run.failed();
  for (const auto& [name, value] : arguments.named) {
    const auto* known = std::ranges::find(method.keywords, name);
    if (known == std::end(method.keywords) || static_cast<size_t>(known - method.keywords) < n) {
      run.fail(fmt::format("{}() takes no keyword argument '{}' here", method.name, name));
    }
  }
  return !run.failed();
}

}  // namespace

bool has_text_method(std::string_view name) { return find_text_method(name) != nullptr; }

Value call_text_method(Run& run, const Value& self, std::string_view name, const Arguments& arguments) {
  if (!run.may_make(self.text().size())) return {};
  const TextMethod& method = *find_text_method(name);
  if (!accepts(run, method, arguments)) return {};
  TextMethods text(run, self, name, arguments);
  return (text.*method.call)();
}

std::string replace_all(Run& run, std::string_view text, std::string_view from, std::string_view to, int64_t count) {
  std::string out;
  size_t at = 0;
  for (; count != 0 && at <= text.size(); --count) {
    const size_t found = text.find(from, at);
    if (found == kNone || !run.fits(out.size() + to.size()) || !run.step()) break;
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
    if (from.empty()) {  // between all characters
      if (at >= text.size()) return out;
      const size_t n = char_bytes(text, at);
      out += text.substr(at, n);
      at += n;
    }
  }
  out += text.substr(std::min(at, text.size()));
  return out;
}

std::string centered(Run& run, std::string_view text, int64_t width, std::string_view fill) {
  const int64_t missing = std::max<int64_t>(0, width - static_cast<int64_t>(count_chars(text)));
  const int64_t left = missing / 2 + (missing & width & 1);
  return padded(run, text, left, missing - left, fill);
}

}  // namespace bp::jinja
