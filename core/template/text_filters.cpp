#include <fmt/format.h>

#include <algorithm>

#include "template/filters.h"
#include "template/operators.h"
#include "template/percent_format.h"
#include "template/text_methods.h"
#include "template/text_split.h"
#include "template/unicode_case.h"
#include "template/unicode_class.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

bool is_word_break(char32_t c) { return is_space(c) || std::u32string_view(U"-({[<").contains(c); }

// soft_str: a text stays what it is.
Value soft_text(Run& run, const Value& value) {
  return value.is(Kind::kText) ? value : make_text(run, to_text(run, value));
}

Value call(Run& run, const Value& value, std::string_view method, const Arguments& arguments = {}) {
  return call_text_method(run, soft_text(run, value), method, arguments);
}

Value filter_upper(Run& run, const Value& v, const Arguments&) { return call(run, v, "upper"); }
Value filter_lower(Run& run, const Value& v, const Arguments&) { return call(run, v, "lower"); }
Value filter_capitalize(Run& run, const Value& v, const Arguments&) { return call(run, v, "capitalize"); }
Value filter_string(Run& run, const Value& v, const Arguments&) { return soft_text(run, v); }

// Not str.title(): only blanks and opening brackets begin a word.
Value filter_title(Run& run, const Value& v, const Arguments&) {
  const std::string text = to_text(run, v);
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && !is_word_break(char_at(text, end))) end += char_bytes(text, end);
    if (end > at) {
      const size_t first = at + char_bytes(text, at);
      out += upper(std::string_view(text).substr(at, first - at)) +
             lower(std::string_view(text).substr(first, end - first));
    }
    for (at = end; at < text.size() && is_word_break(char_at(text, at)); at += char_bytes(text, at)) {
      out += text.substr(at, char_bytes(text, at));
    }
  }
  return make_text(run, std::move(out));
}

Value filter_trim(Run& run, const Value& v, const Arguments& arguments) {
  const Value* chars = arguments.find(0, "chars");
  return call(run, v, "strip", chars != nullptr ? Arguments{{*chars}, {}} : Arguments{});
}

Value filter_center(Run& run, const Value& v, const Arguments& arguments) {
  const Value* width = arguments.find(0, "width");
  return call(run, v, "center", {{width != nullptr ? *width : Value::of(int64_t{80})}, {}});
}

Value filter_truncate(Run& run, const Value& v, const Arguments& arguments) {
  constexpr int64_t kLength = 255, kLeeway = 5;
  const auto number = [&](size_t place, std::string_view name, int64_t otherwise) {
    const Value* value = arguments.find(place, name);
    return value != nullptr && value->is_integer() ? value->as_int() : otherwise;
  };
  const Value* whole_words = arguments.find(1, "killwords");
  const Value* given_end = arguments.find(2, "end");
  const std::string end = given_end != nullptr ? to_text(run, *given_end) : "...";
  const auto n_end = static_cast<int64_t>(count_chars(end));
  const int64_t length = number(0, "length", kLength);
  const int64_t leeway = number(3, "leeway", kLeeway);
  if (length < n_end || leeway < 0) {
    run.fail(fmt::format("truncate needs a length of at least {}, not {}", n_end, length));
    return {};
  }
  if (bp::jinja::length(run, v) - leeway <= length || run.failed()) return v;
  if (!v.is(Kind::kText)) {
    run.fail(fmt::format("truncate cannot cut a '{}'", type_name(v)));
    return {};
  }
  std::string_view kept = v.text().substr(0, byte_of_char(v.text(), static_cast<size_t>(length - n_end)));
  if (whole_words == nullptr || !truthy(*whole_words)) kept = kept.substr(0, kept.rfind(' '));
  return make_text(run, std::string(kept) + end);
}

Value filter_replace(Run& run, const Value& v, const Arguments& arguments) {
  const Value* from = arguments.find(0, "old");
  const Value* to = arguments.find(1, "new");
  if (from == nullptr || to == nullptr) {
    run.fail("replace needs two texts");
    return {};
  }
  const Value* count = arguments.find(2, "count");
  const int64_t n = count != nullptr && count->is_integer() ? count->as_int() : -1;
  return make_text(run, replace_all(run, to_text(run, v), to_text(run, *from), to_text(run, *to), n));
}

Value filter_format(Run& run, const Value& v, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    run.fail("can't handle positional and keyword arguments at the same time");
    return {};
  }
  Items named;
  for (const auto& [name, value] : arguments.named) named.emplace_back(make_text(run, name), value);
  const Value values =
      named.empty() ? make_sequence(run, Kind::kTuple, arguments.positional) : make_dict(run, std::move(named));
  return make_text(run, percent_format(run, to_text(run, v), values));
}

Value filter_wordcount(Run& run, const Value& v, const Arguments&) {
  const std::string text = to_text(run, v);
  int64_t n = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size(); at += char_bytes(text, at)) {
    const char32_t c = char_at(text, at);
    const bool is_part = c == '_' || is_letter(c) || is_digit(c) || is_numeric(c);
    n += is_part && !in_word ? 1 : 0;
    in_word = is_part;
  }
  return Value::of(n);
}

Value filter_indent(Run& run, const Value& v, const Arguments& arguments) {
  const Value* width = arguments.find(0, "width");
  const Value* first = arguments.find(1, "first");
  const Value* blank = arguments.find(2, "blank");
  std::string indent = "    ";
  if (width != nullptr && width->is(Kind::kText)) indent = width->text();
  if (width != nullptr && width->is_integer()) {
    const auto n = static_cast<uint64_t>(std::max<int64_t>(0, width->as_int()));
    if (!run.may_make(n)) return {};
    indent.assign(n, ' ');
  }
  if (!v.is(Kind::kText)) {
    run.fail(fmt::format("unsupported operand type(s) for +=: '{}' and 'str'", type_name(v)));
    return {};
  }
  // jinja2 adds a line end, so that one at the end is kept.
  const std::string text = std::string(v.text()) + "\n";
  const Pieces lines = split_lines(run, text, false);
  std::string out;
  for (size_t i = 0; i < lines.size() && run.fits(out.size()); ++i) {
    if (i > 0) out += '\n';
    const bool wanted =
        i == 0 ? first != nullptr && truthy(*first) : !lines[i].empty() || (blank != nullptr && truthy(*blank));
    if (wanted && run.may_make(out.size() + indent.size())) out += indent;
    out += lines[i];
  }
  return make_text(run, std::move(out));
}

std::string_view text_or(const Value& pair, size_t place, std::string_view otherwise) {
  if (!pair.is_sequence() || pair.items().size() != 2 || !pair.items()[place].is(Kind::kText)) return otherwise;
  return pair.items()[place].text();
}

Value filter_tojson(Run& run, const Value& v, const Arguments& arguments) {
  JsonForm form;
  if (const Value* ascii = arguments.find(0, "ensure_ascii")) form.ensure_ascii = truthy(*ascii);
  const Value* indent = arguments.find(1, "indent");
  if (indent != nullptr && !indent->is(Kind::kNone)) {
    form.lines = true;
    form.item_separator = ",";
    if (indent->is(Kind::kText)) form.indent = indent->text();
    if (indent->is_integer()) {
      const auto n = static_cast<uint64_t>(std::max<int64_t>(0, indent->as_int()));
      if (!run.may_make(n)) return {};
      form.indent.assign(n, ' ');
    }
  }
  if (const Value* separators = arguments.find(2, "separators")) {
    form.item_separator = text_or(*separators, 0, form.item_separator);
    form.key_separator = text_or(*separators, 1, form.key_separator);
  }
  if (const Value* sort = arguments.find(3, "sort_keys")) form.sort_keys = truthy(*sort);
  return make_text(run, to_json(run, v, form));
}

constexpr Filter kFilters[] = {
    {"trim", filter_trim, 0, {"chars"}},
    {"tojson", filter_tojson, 0, {"ensure_ascii", "indent", "separators", "sort_keys"}},
    {"string", filter_string},
    {"upper", filter_upper},
    {"lower", filter_lower},
    {"replace", filter_replace, 2, {"old", "new", "count"}},
    {"indent", filter_indent, 0, {"width", "first", "blank"}},
    {"title", filter_title},
    {"capitalize", filter_capitalize},
    {"format", filter_format, 0, {}, true},
    {"wordcount", filter_wordcount},
    {"center", filter_center, 0, {"width"}},
    {"truncate", filter_truncate, 0, {"length", "killwords", "end", "leeway"}},
};

}  // namespace

const Filter* find_text_filter(std::string_view name) {
  const auto* it = std::ranges::find(kFilters, name, &Filter::name);
  return it != std::end(kFilters) ? it : nullptr;
}

}  // namespace bp::jinja
