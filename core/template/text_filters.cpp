#include <fmt/format.h>

#include <algorithm>

#include "template/filters.h"
#include "template/methods.h"
#include "template/operators.h"
#include "template/percent_format.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

// soft_str: a text stays what it is.
Value soft_text(Run& run, const Value& value) {
  return value.is(Kind::kText) ? value : make_text(run, to_text(run, value));
}

Value call(Run& run, const Value& value, std::string_view method, const Arguments& arguments = {}) {
  return call_method(run, Method{soft_text(run, value), std::string(method)}, arguments);
}

Value filter_upper(Run& run, const Value& v, const Arguments&) { return call(run, v, "upper"); }
Value filter_lower(Run& run, const Value& v, const Arguments&) { return call(run, v, "lower"); }
Value filter_title(Run& run, const Value& v, const Arguments&) { return call(run, v, "title"); }
Value filter_capitalize(Run& run, const Value& v, const Arguments&) { return call(run, v, "capitalize"); }
Value filter_string(Run& run, const Value& v, const Arguments&) { return soft_text(run, v); }

Value filter_trim(Run& run, const Value& v, const Arguments& arguments) {
  const Value* chars = arguments.find(0, "chars");
  return call(run, v, "strip", chars != nullptr ? Arguments{{*chars}, {}} : Arguments{});
}

Value filter_safe(Run& run, const Value& v, const Arguments&) { return make_text(run, to_text(run, v), true); }

Value filter_escape(Run& run, const Value& v, const Arguments&) {
  return v.is_safe_text() ? v : make_text(run, escape_html(to_text(run, v)), true);
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
  const Value values = make_sequence(run, Kind::kTuple, arguments.positional);
  return make_text(run, percent_format(run, to_text(run, v), values));
}

Value filter_wordcount(Run& run, const Value& v, const Arguments&) {
  return Value::of(length(run, call(run, v, "split")));
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
  // jinja2 adds a line end, so that one at the end is kept.
  const Values lines = split_lines(run, to_text(run, v) + "\n", false);
  std::string out;
  for (size_t i = 0; i < lines.size() && run.fits(out.size()); ++i) {
    if (i > 0) out += '\n';
    const bool wanted =
        i == 0 ? first != nullptr && truthy(*first) : !lines[i].text().empty() || (blank != nullptr && truthy(*blank));
    if (wanted && run.may_make(out.size() + indent.size())) out += indent;
    out += lines[i].text();
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

struct Entry {
  std::string_view name;
  Filter filter;
};

constexpr Entry kEntries[] = {
    {"trim", filter_trim},     {"tojson", filter_tojson},
    {"string", filter_string}, {"upper", filter_upper},
    {"lower", filter_lower},   {"replace", filter_replace},
    {"safe", filter_safe},     {"indent", filter_indent},
    {"title", filter_title},   {"escape", filter_escape},
    {"e", filter_escape},      {"capitalize", filter_capitalize},
    {"format", filter_format}, {"wordcount", filter_wordcount},
};

}  // namespace

Filter find_text_filter(std::string_view name) {
  const auto* it = std::ranges::find(kEntries, name, &Entry::name);
  return it != std::end(kEntries) ? it->filter : nullptr;
}

}  // namespace bp::jinja
