#include <fmt/format.h>

#include <algorithm>

#include "template/filters.h"
#include "template/operators.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

bool flag(const Arguments& arguments, size_t place, std::string_view name) {
  const Value* value = arguments.find(place, name);
  return value != nullptr && truthy(*value);
}

const Value* given(const Arguments& arguments, size_t place, std::string_view name) {
  const Value* value = arguments.find(place, name);
  return value != nullptr && !value->is(Kind::kNone) ? value : nullptr;
}

Value list_of(Run& run, Values items) { return make_sequence(run, Kind::kList, std::move(items)); }
Value iterator_of(Run& run, Values items) { return make_sequence(run, Kind::kIterator, std::move(items)); }

// What sort, min, max and unique compare by.
Value sort_key(Run& run, const Value& item, const Value* attribute, bool case_sensitive) {
  Value key = attribute != nullptr ? get_path(run, item, *attribute) : item;
  return key.is(Kind::kText) && !case_sensitive ? make_text(run, lower(key.text())) : key;
}

struct Keyed {
  Value key;
  Value item;
};

std::vector<Keyed> keyed_items(Run& run, const Value& v, const Value* attribute, bool case_sensitive) {
  std::vector<Keyed> out;
  for (const auto& item : iterate(run, v)) out.push_back({sort_key(run, item, attribute, case_sensitive), item});
  return out;
}

// A comparison that may fail gives no order: a merge sort by hand copes with any answers, std::sort does not.
void sort_keyed(Run& run, std::vector<Keyed>& items, bool reverse) {
  if (items.size() < 2 || run.failed()) return;
  const auto middle = items.begin() + static_cast<ptrdiff_t>(items.size() / 2);
  std::vector<Keyed> left(items.begin(), middle);
  std::vector<Keyed> right(middle, items.end());
  sort_keyed(run, left, reverse);
  sort_keyed(run, right, reverse);
  size_t l = 0;
  size_t r = 0;
  for (auto& slot : items) {
    const bool take_right =
        l == left.size() ||
        (r < right.size() && (reverse ? less(run, left[l].key, right[r].key) : less(run, right[r].key, left[l].key)));
    slot = take_right ? right[r++] : left[l++];
  }
}

Value items_of(Run& run, const std::vector<Keyed>& keyed) {
  Values items;
  for (const auto& k : keyed) items.push_back(k.item);
  return list_of(run, std::move(items));
}

Value filter_list(Run& run, const Value& v, const Arguments&) { return list_of(run, iterate(run, v)); }

Value filter_items(Run& run, const Value& v, const Arguments&) {
  Values items;
  if (v.is(Kind::kDict)) {
    for (const auto& [key, value] : v.dict().items) {
      if (!run.step()) break;
      items.push_back(make_sequence(run, Kind::kTuple, {key, value}));
    }
  } else if (!v.is(Kind::kUndefined)) {
    run.fail("Can only get item pairs from a mapping.");
  }
  return iterator_of(run, std::move(items));
}

Value filter_join(Run& run, const Value& v, const Arguments& arguments) {
  const Value* separator = arguments.find(0, "d");
  const Value* attribute = given(arguments, 1, "attribute");
  const std::string between = separator != nullptr ? to_text(run, *separator) : "";
  std::string out;
  bool first = true;
  for (const auto& item : iterate(run, v)) {
    if (!run.fits(out.size()) || out.size() > run.limits().max_output_bytes) break;
    if (!first) out += between;
    first = false;
    out += to_text(run, attribute != nullptr ? get_path(run, item, *attribute) : item);
  }
  return make_text(run, std::move(out));
}

Value filter_first(Run& run, const Value& v, const Arguments&) {
  const Values items = iterate(run, v);
  return items.empty() ? make_undefined("No first item, sequence was empty.") : items.front();
}

Value filter_last(Run& run, const Value& v, const Arguments&) {
  const Values items = iterate(run, v);
  return items.empty() ? make_undefined("No last item, sequence was empty.") : items.back();
}

Value filter_reverse(Run& run, const Value& v, const Arguments&) {
  Values items = iterate(run, v);
  std::ranges::reverse(items);
  if (!v.is(Kind::kText)) return iterator_of(run, std::move(items));
  std::string out;
  for (const auto& item : items) out += item.text();
  return make_text(run, std::move(out));
}

Value filter_map(Run& run, const Value& v, const Arguments& arguments) {
  Values out;
  if (!truthy(v)) return iterator_of(run, {});  // as jinja2: even where it cannot be iterated
  const Value* attribute = arguments.positional.empty() ? arguments.find(~size_t{0}, "attribute") : nullptr;
  const Value* otherwise = arguments.find(~size_t{0}, "default");
  if (attribute == nullptr && (arguments.positional.empty() || !arguments.positional[0].is(Kind::kText))) {
    run.fail("map requires a filter argument");
    return {};
  }
  Arguments rest = arguments;
  if (attribute == nullptr) rest.positional.erase(rest.positional.begin());
  for (const auto& item : iterate(run, v)) {
    if (!run.step()) break;
    if (attribute == nullptr) {
      out.push_back(apply_filter(run, arguments.positional[0].text(), item, rest));
      continue;
    }
    Value value = get_path(run, item, *attribute);
    out.push_back(value.is(Kind::kUndefined) && otherwise != nullptr ? *otherwise : std::move(value));
  }
  return iterator_of(run, std::move(out));
}

// select, reject, selectattr and rejectattr: the items whose test (or truth) is `wanted`.
Value select_items(Run& run, const Value& v, const Arguments& arguments, bool by_attribute, bool wanted) {
  if (!truthy(v)) return iterator_of(run, {});
  const size_t test_place = by_attribute ? 1 : 0;
  const Value* attribute = by_attribute ? arguments.find(0, "attribute") : nullptr;
  const Value* test = arguments.find(test_place, "");
  if (by_attribute && attribute == nullptr) run.fail("Missing parameter for attribute name");
  if (test != nullptr && !test->is(Kind::kText)) run.fail("the name of a test must be a text");
  if (run.failed()) return {};
  Arguments rest;
  for (size_t i = test_place + 1; i < arguments.positional.size(); ++i)
    rest.positional.push_back(arguments.positional[i]);
  Values out;
  for (const auto& item : iterate(run, v)) {
    if (!run.step()) break;
    const Value subject = attribute != nullptr ? get_path(run, item, *attribute) : item;
    const bool holds = test != nullptr ? apply_test(run, test->text(), subject, rest) : truthy(subject);
    if (holds == wanted) out.push_back(item);
  }
  return iterator_of(run, std::move(out));
}

Value filter_select(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, false, true); }
Value filter_reject(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, false, false); }
Value filter_selectattr(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, true, true); }
Value filter_rejectattr(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, true, false); }

Value filter_sort(Run& run, const Value& v, const Arguments& arguments) {
  auto items = keyed_items(run, v, given(arguments, 2, "attribute"), flag(arguments, 1, "case_sensitive"));
  sort_keyed(run, items, flag(arguments, 0, "reverse"));
  return items_of(run, items);
}

Value filter_dictsort(Run& run, const Value& v, const Arguments& arguments) {
  if (!v.is(Kind::kDict)) {
    run.fail(fmt::format("'{}' object has no attribute 'items'", type_name(v)));
    return {};
  }
  const Value* by = arguments.find(1, "by");
  const bool by_value = by != nullptr && by->is(Kind::kText) && by->text() == "value";
  std::vector<Keyed> items;
  for (const auto& [key, value] : v.dict().items) {
    if (!run.step()) break;
    items.push_back({sort_key(run, by_value ? value : key, nullptr, flag(arguments, 0, "case_sensitive")),
                     make_sequence(run, Kind::kTuple, {key, value})});
  }
  sort_keyed(run, items, flag(arguments, 2, "reverse"));
  return items_of(run, items);
}

Value filter_unique(Run& run, const Value& v, const Arguments& arguments) {
  std::vector<Keyed> kept;
  Values out;
  for (auto& candidate : keyed_items(run, v, given(arguments, 1, "attribute"), flag(arguments, 0, "case_sensitive"))) {
    if (run.failed()) break;
    if (std::ranges::any_of(kept, [&](const Keyed& k) { return equal(run, k.key, candidate.key); })) continue;
    out.push_back(candidate.item);
    kept.push_back(std::move(candidate));
  }
  return iterator_of(run, std::move(out));
}

Value extreme(Run& run, const Value& v, const Arguments& arguments, bool greatest) {
  const auto items = keyed_items(run, v, given(arguments, 1, "attribute"), flag(arguments, 0, "case_sensitive"));
  if (items.empty()) return make_undefined("No aggregated item, sequence was empty.");
  const Keyed* best = &items[0];
  for (const auto& item : items) {
    if (greatest ? less(run, best->key, item.key) : less(run, item.key, best->key)) best = &item;
  }
  return best->item;
}

Value filter_min(Run& run, const Value& v, const Arguments& a) { return extreme(run, v, a, false); }
Value filter_max(Run& run, const Value& v, const Arguments& a) { return extreme(run, v, a, true); }

Value filter_sum(Run& run, const Value& v, const Arguments& arguments) {
  const Value* attribute = given(arguments, 0, "attribute");
  const Value* start = arguments.find(1, "start");
  Value total = start != nullptr ? *start : Value::of(int64_t{0});
  for (const auto& item : iterate(run, v)) {
    if (!run.step()) break;
    total = arithmetic(run, Op::kAdd, total, attribute != nullptr ? get_path(run, item, *attribute) : item);
  }
  return total;
}

Value filter_attr(Run& run, const Value& v, const Arguments& arguments) {
  const Value* name = arguments.find(0, "name");
  if (name == nullptr || !name->is(Kind::kText)) return make_undefined("attr needs a name");
  return v.is(Kind::kDict) ? make_undefined(fmt::format("'dict object' has no attribute '{}'", name->text()))
                           : get_attribute(run, v, name->text());
}

Value filter_batch(Run& run, const Value& v, const Arguments& arguments) {
  const Value* size = arguments.find(0, "linecount");
  const Value* fill = given(arguments, 1, "fill_with");
  if (size == nullptr || !size->is_integer() || size->as_int() < 1 ||
      !run.may_make(static_cast<uint64_t>(size->as_int()))) {
    run.fail("batch needs a positive number");
    return {};
  }
  const auto n = static_cast<size_t>(size->as_int());
  Values out;
  Values line;
  for (const auto& item : iterate(run, v)) {
    line.push_back(item);
    if (line.size() == n) out.push_back(list_of(run, std::exchange(line, {})));
  }
  while (fill != nullptr && !line.empty() && line.size() < n) line.push_back(*fill);
  if (!line.empty()) out.push_back(list_of(run, std::move(line)));
  return iterator_of(run, std::move(out));
}

struct Entry {
  std::string_view name;
  Filter filter;
};

constexpr Entry kEntries[] = {
    {"list", filter_list},
    {"items", filter_items},
    {"join", filter_join},
    {"first", filter_first},
    {"last", filter_last},
    {"reverse", filter_reverse},
    {"map", filter_map},
    {"select", filter_select},
    {"reject", filter_reject},
    {"sort", filter_sort},
    {"selectattr", filter_selectattr},
    {"rejectattr", filter_rejectattr},
    {"unique", filter_unique},
    {"dictsort", filter_dictsort},
    {"min", filter_min},
    {"max", filter_max},
    {"sum", filter_sum},
    {"attr", filter_attr},
    {"batch", filter_batch},
};

}  // namespace

Filter find_sequence_filter(std::string_view name) {
  const auto* it = std::ranges::find(kEntries, name, &Entry::name);
  return it != std::end(kEntries) ? it->filter : nullptr;
}

}  // namespace bp::jinja
