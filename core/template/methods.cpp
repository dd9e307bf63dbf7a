#include "template/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "template/operators.h"
#include "template/percent_format.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

class TextMethods {
 public:
  TextMethods(Run& run, const Value& self, const Arguments& arguments)
      : run_(run), self_(self), text_(self.text()), arguments_(arguments) {}

  Value strip_left() { return stripped(true, false); }
  Value strip_right() { return stripped(false, true); }
  Value strip_both() { return stripped(true, true); }
  Value to_upper() { return make(upper(text_)); }
  Value to_lower() { return make(lower(text_)); }
  Value starts_with() {
    return any_affix([&](std::string_view affix) { return text_.starts_with(affix); });
  }
  Value ends_with() {
    return any_affix([&](std::string_view affix) { return text_.ends_with(affix); });
  }
  Value remove_prefix() {
    const auto prefix = needed_text(0, "prefix");
    return make(std::string(text_.starts_with(prefix) ? text_.substr(prefix.size()) : text_));
  }
  Value remove_suffix() {
    const auto suffix = needed_text(0, "suffix");
    return make(std::string(text_.ends_with(suffix) ? text_.substr(0, text_.size() - suffix.size()) : text_));
  }
  Value replace() {
    const auto from = needed_text(0, "old");
    const auto to = needed_text(1, "new");
    return make(replace_all(run_, text_, from, to, integer(2, "count", -1)));
  }
  Value find() { return Value::of(position(text_.find(needed_text(0, "sub")))); }
  Value find_last() { return Value::of(position(text_.rfind(needed_text(0, "sub")))); }
  Value index() {
    const Value found = find();
    if (found.as_int() < 0) run_.fail("substring not found");
    return found;
  }
  Value count() {
    const auto part = needed_text(0, "sub");
    if (part.empty()) return Value::of(static_cast<int64_t>(self_.text_box().n_chars) + 1);
    int64_t n = 0;
    for (size_t at = 0; (at = text_.find(part, at)) != std::string_view::npos; at += part.size()) ++n;
    return Value::of(n);
  }
  Value title() { return make(titled()); }
  Value capitalize() {
    if (text_.empty()) return self_;
    const size_t n = char_bytes(text_, 0);
    return make(upper(text_.substr(0, n)) + lower(text_.substr(n)));
  }
  Value format() { return make(brace_format(run_, text_, arguments_)); }
  Value split() { return split_at(false); }
  Value split_right() { return split_at(true); }
  Value lines() {
    const Value* keep = arguments_.find(0, "keepends");
    return list(split_lines(run_, text_, keep != nullptr && truthy(*keep)));
  }
  Value join() {
    const Values items = arguments_.positional.empty() ? Values{} : iterate(run_, arguments_.positional[0]);
    std::string out;
    for (size_t i = 0; i < items.size() && run_.step(); ++i) {
      if (!items[i].is(Kind::kText)) {
        run_.fail(fmt::format("sequence item {}: expected str instance, {} found", i, type_name(items[i])));
      } else if (run_.fits(out.size())) {
        if (i > 0) out += text_;
        out += items[i].text();
      }
    }
    return make(std::move(out));
  }
  Value is_digits() {
    return all_chars([](char32_t c) { return c >= '0' && c <= '9'; });
  }
  Value is_letters() {
    return all_chars([](char32_t c) { return is_letter(c); });
  }
  Value is_letters_or_digits() {
    return all_chars([](char32_t c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  }
  Value is_spaces() { return all_chars(is_space); }
  Value is_upper() { return Value::of(upper(text_) == text_ && lower(text_) != text_); }
  Value is_lower() { return Value::of(lower(text_) == text_ && upper(text_) != text_); }
  Value partition() {
    const auto separator = needed_text(0, "sep");
    const size_t at = text_.find(separator);
    const bool found = at != std::string_view::npos;
    return make_sequence(run_, Kind::kTuple,
                         {make(std::string(text_.substr(0, at))), make(std::string(found ? separator : "")),
                          make(std::string(found ? text_.substr(at + separator.size()) : ""))});
  }
  Value fill_zeros() {
    const int64_t width = integer(0, "width", 0);
    const auto missing = width - static_cast<int64_t>(self_.text_box().n_chars);
    if (missing <= 0 || !run_.may_make(static_cast<uint64_t>(missing))) return self_;
    const size_t sign = text_.starts_with('-') || text_.starts_with('+') ? 1 : 0;
    return make(std::string(text_.substr(0, sign)) + std::string(static_cast<size_t>(missing), '0') +
                std::string(text_.substr(sign)));
  }

 private:
  static bool is_letter(char32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c != 0xD7 && c != 0xF7 && is_printable(c));
  }

  Value make(std::string text) { return make_text(run_, std::move(text), self_.is_safe_text()); }
  Value list(Values items) { return make_sequence(run_, Kind::kList, std::move(items)); }

  std::string_view needed_text(size_t place, std::string_view name) {
    const Value* value = arguments_.find(place, name);
    if (value != nullptr && value->is(Kind::kText)) return value->text();
    run_.fail(fmt::format("a method of str needs a str as argument {}, not {}", place + 1,
                          value != nullptr ? type_name(*value) : "nothing"));
    return {};
  }

  int64_t integer(size_t place, std::string_view name, int64_t otherwise) {
    const Value* value = arguments_.find(place, name);
    if (value == nullptr) return otherwise;
    if (value->is_integer()) return value->as_int();
    run_.fail(fmt::format("'{}' object cannot be interpreted as an integer", type_name(*value)));
    return otherwise;
  }

  int64_t position(size_t at) const {
    return at == std::string_view::npos ? -1 : static_cast<int64_t>(count_chars(text_.substr(0, at)));
  }

  Value stripped(bool left, bool right) {
    const Value* chars = arguments_.find(0, "chars");
    if (chars == nullptr || chars->is(Kind::kNone)) return make(std::string(strip(text_, nullptr, left, right)));
    const std::string_view set = needed_text(0, "chars");
    return make(std::string(strip(text_, &set, left, right)));
  }

  template <class Fits>
  Value any_affix(Fits fits) {
    const Value* value = arguments_.find(0, "prefix");
    if (value != nullptr && value->is(Kind::kTuple)) {
      return Value::of(
          std::ranges::any_of(value->items(), [&](const Value& v) { return v.is(Kind::kText) && fits(v.text()); }));
    }
    return Value::of(fits(needed_text(0, "prefix")));
  }

  template <class Accept>
  Value all_chars(Accept accept) {
    for (size_t at = 0; at < text_.size(); at += char_bytes(text_, at)) {
      if (!accept(char_at(text_, at))) return Value::of(false);
    }
    return Value::of(!text_.empty());
  }

  std::string titled() const {
    std::string out;
    bool in_word = false;
    for (size_t at = 0; at < text_.size();) {
      const size_t n = char_bytes(text_, at);
      const auto c = text_.substr(at, n);
      out += in_word ? lower(c) : upper(c);
      in_word = is_letter(char_at(text_, at));
      at += n;
    }
    return out;
  }

  Value split_at(bool from_right) {
    const Value* separator = arguments_.find(0, "sep");
    const int64_t limit = integer(1, "maxsplit", -1);
    std::vector<std::string_view> parts;
    if (separator == nullptr || separator->is(Kind::kNone)) {
      from_right ? split_spaces_right(limit, parts) : split_spaces(limit, parts);
    } else {
      const std::string_view by = needed_text(0, "sep");
      if (by.empty()) run_.fail("empty separator");
      if (run_.failed()) return {};
      from_right ? split_by_right(by, limit, parts) : split_by(by, limit, parts);
    }
    Values items;
    for (const auto part : parts) {
      if (!run_.step()) break;
      items.push_back(make(std::string(part)));
    }
    return list(std::move(items));
  }

  void split_by(std::string_view by, int64_t limit, std::vector<std::string_view>& parts) const {
    std::string_view rest = text_;
    while (limit != 0 && run_.step()) {
      const size_t at = rest.find(by);
      if (at == std::string_view::npos) break;
      parts.push_back(rest.substr(0, at));
      rest = rest.substr(at + by.size());
      --limit;
    }
    parts.push_back(rest);
  }

  void split_by_right(std::string_view by, int64_t limit, std::vector<std::string_view>& parts) const {
    std::string_view rest = text_;
    while (limit != 0 && run_.step()) {
      const size_t at = rest.rfind(by);
      if (at == std::string_view::npos) break;
      parts.push_back(rest.substr(at + by.size()));
      rest = rest.substr(0, at);
      --limit;
    }
    parts.push_back(rest);
    std::ranges::reverse(parts);
  }

  void split_spaces(int64_t limit, std::vector<std::string_view>& parts) const {
    std::string_view rest = strip(text_, nullptr, true, false);
    while (!rest.empty() && run_.step()) {
      if (limit-- == 0) {
        parts.push_back(rest);
        break;
      }
      size_t end = 0;
      while (end < rest.size() && !is_space(char_at(rest, end))) end += char_bytes(rest, end);
      parts.push_back(rest.substr(0, end));
      rest = strip(rest.substr(end), nullptr, true, false);
    }
  }

  void split_spaces_right(int64_t limit, std::vector<std::string_view>& parts) const {
    std::vector<std::string_view> all;
    split_spaces(-1, all);
    const auto n = static_cast<int64_t>(all.size());
    if (limit < 0 || limit >= n) {
      parts = std::move(all);
      return;
    }
    const auto first_kept = static_cast<size_t>(n - limit);
    const std::string_view head = strip(text_, nullptr, false, true);
    const char* head_end = first_kept > 0 ? all[first_kept - 1].data() + all[first_kept - 1].size() : head.data();
    parts.push_back(head.substr(0, static_cast<size_t>(head_end - head.data())));
    parts.insert(parts.end(), all.begin() + static_cast<ptrdiff_t>(first_kept), all.end());
  }

  Run& run_;
  const Value& self_;
  std::string_view text_;
  const Arguments& arguments_;
};

struct TextMethod {
  std::string_view name;
  Value (TextMethods::*call)();
};

constexpr TextMethod kTextMethods[] = {
    {"strip", &TextMethods::strip_both},
    {"lstrip", &TextMethods::strip_left},
    {"rstrip", &TextMethods::strip_right},
    {"split", &TextMethods::split},
    {"rsplit", &TextMethods::split_right},
    {"splitlines", &TextMethods::lines},
    {"startswith", &TextMethods::starts_with},
    {"endswith", &TextMethods::ends_with},
    {"replace", &TextMethods::replace},
    {"upper", &TextMethods::to_upper},
    {"lower", &TextMethods::to_lower},
    {"casefold", &TextMethods::to_lower},
    {"title", &TextMethods::title},
    {"capitalize", &TextMethods::capitalize},
    {"find", &TextMethods::find},
    {"rfind", &TextMethods::find_last},
    {"index", &TextMethods::index},
    {"count", &TextMethods::count},
    {"join", &TextMethods::join},
    {"format", &TextMethods::format},
    {"isdigit", &TextMethods::is_digits},
    {"isdecimal", &TextMethods::is_digits},
    {"isnumeric", &TextMethods::is_digits},
    {"isalpha", &TextMethods::is_letters},
    {"isalnum", &TextMethods::is_letters_or_digits},
    {"isspace", &TextMethods::is_spaces},
    {"isupper", &TextMethods::is_upper},
    {"islower", &TextMethods::is_lower},
    {"partition", &TextMethods::partition},
    {"zfill", &TextMethods::fill_zeros},
    {"removeprefix", &TextMethods::remove_prefix},
    {"removesuffix", &TextMethods::remove_suffix},
};

const TextMethod* find_text_method(std::string_view name) {
  const auto* it = std::ranges::find(kTextMethods, name, &TextMethod::name);
  return it != std::end(kTextMethods) ? it : nullptr;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

Value dict_view(Run& run, const Dict& dict, std::string_view which) {
  Values items;
  items.reserve(dict.items.size());
  for (const auto& [key, value] : dict.items) {
    if (which == "keys") {
      items.push_back(key);
    } else if (which == "values") {
      items.push_back(value);
    } else {
      items.push_back(make_sequence(run, Kind::kTuple, {key, value}));
    }
  }
  run.step(items.size());
  return make_sequence(run, Kind::kView, std::move(items));
}

Value call_dict_method(Run& run, const Method& method, const Arguments& arguments) {
  if (method.name == "copy") return method.self;
  if (method.name != "get") return dict_view(run, method.self.dict(), method.name);
  if (arguments.positional.empty() || arguments.positional.size() > 2 || !arguments.named.empty()) {
    run.fail("dict.get() takes a key and perhaps a default");
    return {};
  }
  const Value& key = arguments.positional[0];
  if (key.is(Kind::kList) || key.is(Kind::kDict)) {
    run.fail(fmt::format("unhashable type: '{}'", type_name(key)));
    return {};
  }
  if (contains(run, method.self, key)) {
    for (const auto& [k, v] : method.self.dict().items) {
      if (equal(run, k, key)) return v;
    }
  }
  return arguments.positional.size() > 1 ? arguments.positional[1] : Value::none();
}

Value call_list_method(Run& run, const Method& method, const Arguments& arguments) {
  if (method.name == "copy") return method.self;
  if (arguments.positional.empty()) {
    run.fail(fmt::format("{}() needs an argument", method.name));
    return {};
  }
  int64_t count = 0;
  const Values& items = method.self.items();
  for (size_t i = 0; i < items.size() && !run.failed(); ++i) {
    if (!equal(run, items[i], arguments.positional[0])) continue;
    if (method.name == "index") return Value::of(static_cast<int64_t>(i));
    ++count;
  }
  if (method.name == "index") run.fail("the value is not in the list");
  return Value::of(count);
}

}  // namespace

bool has_method(const Value& of, std::string_view name) {
  if (of.is(Kind::kText)) return find_text_method(name) != nullptr;
  if (of.is(Kind::kDict)) return is_one_of(name, {"get", "items", "keys", "values", "copy"});
  if (of.is(Kind::kList)) return is_one_of(name, {"index", "count", "copy"});
  return of.is(Kind::kTuple) && is_one_of(name, {"index", "count"});
}

bool is_mutating_method(const Value& of, std::string_view name) {
  if (of.is(Kind::kDict)) return is_one_of(name, {"clear", "pop", "popitem", "setdefault", "update"});
  return of.is(Kind::kList) &&
         is_one_of(name, {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"});
}

Value call_method(Run& run, const Method& method, const Arguments& arguments) {
  if (!run.step()) return {};
  if (method.self.is(Kind::kDict)) return call_dict_method(run, method, arguments);
  if (method.self.is_sequence()) return call_list_method(run, method, arguments);
  if (!run.may_make(method.self.text().size())) return {};
  TextMethods text(run, method.self, arguments);
  return (text.*find_text_method(method.name)->call)();
}

std::string replace_all(Run& run, std::string_view text, std::string_view from, std::string_view to, int64_t count) {
  std::string out;
  size_t at = 0;
  for (; count != 0 && at <= text.size(); --count) {
    const size_t found = text.find(from, at);
    if (found == std::string_view::npos || !run.may_make(out.size() + to.size())) break;
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

Values split_lines(Run& run, std::string_view text, bool keep_ends) {
  const auto ends_line = [](char32_t c) {
    return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  Values lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size() && !run.failed();) {
    const char32_t c = char_at(text, at);
    const size_t line_end = at;
    at += char_bytes(text, at);
    if (!ends_line(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(make_text(run, std::string(text.substr(begin, (keep_ends ? at : line_end) - begin))));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(make_text(run, std::string(text.substr(begin))));
  return lines;
}

}  // namespace bp::jinja
