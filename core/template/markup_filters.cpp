#include <fmt/format.h>

#include <algorithm>

#include "template/filters.h"
#include "template/operators.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

Value filter_safe(Run& run, const Value& v, const Arguments&) { return make_text(run, to_text(run, v), true); }

Value filter_escape(Run& run, const Value& v, const Arguments&) {
  return v.is_safe_text() ? v : make_text(run, escape_html(to_text(run, v)), true);
}

Value filter_forceescape(Run& run, const Value& v, const Arguments&) {
  return make_text(run, escape_html(to_text(run, v)), true);
}

// In a query a blank is "+", and "/" is no exception.
std::string percent_encoded(std::string_view text, bool in_query) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_.-~").contains(c) || (c == '/' && !in_query);
    if (plain) {
      out += c;
    } else if (c == ' ' && in_query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Value filter_urlencode(Run& run, const Value& v, const Arguments&) {
  const bool has_pairs = v.is_sequence() || v.is(Kind::kDict) || v.is(Kind::kIterator) || v.is(Kind::kView) ||
                         v.is(Kind::kRange) || v.is(Kind::kUndefined);
  if (!has_pairs) return make_text(run, percent_encoded(to_text(run, v), false));
  std::string out;
  const auto add = [&](const Value& key, const Value& value) {
    if (!out.empty()) out += '&';
    out += percent_encoded(to_text(run, key), true) + '=' + percent_encoded(to_text(run, value), true);
    return run.fits(out.size()) && run.step();
  };
  if (v.is(Kind::kDict)) {
    for (const auto& [key, value] : v.dict().items) {
      if (!add(key, value)) break;
    }
    return make_text(run, std::move(out));
  }
  for (const auto& pair : iterate(run, v)) {
    const Values both = iterate(run, pair);
    if (both.size() != 2) run.fail("urlencode needs pairs");
    if (run.failed() || !add(both[0], both[1])) break;
  }
  return make_text(run, std::move(out));
}

constexpr Filter kFilters[] = {
    {"safe", filter_safe},
    {"escape", filter_escape},
    {"e", filter_escape},
    {"forceescape", filter_forceescape},
    {"urlencode", filter_urlencode, 0, {}},
};

}  // namespace

const Filter* find_markup_filter(std::string_view name) {
  const auto* it = std::ranges::find(kFilters, name, &Filter::name);
  return it != std::end(kFilters) ? it : nullptr;
}

}  // namespace bp::jinja
