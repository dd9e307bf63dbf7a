#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "template/filters.h"
#include "template/methods.h"
#include "template/operators.h"
#include "template/text_split.h"
#include "template/unicode_case.h"
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

Value without_case(Run& run, Value key) { return key.is(Kind::kText) ? make_text(run, lower(key.text())) : key; }

// What min, max, unique and groupby compare by.
Value sort_key(Run& run, const Value& item, const Value* attribute, bool case_sensitive) {
  Value key = attribute != nullptr ? get_path(run, item, *attribute) : item;
  return case_sensitive ? key : without_case(run, std::move(key));
}

// What sort compares by: several attributes with commas between them.
Value multiple_sort_key(Run& run, const Value& item, const Value* attribute, bool case_sensitive) {
  if (attribute == nullptr || !attribute->is(Kind::kText) || !attribute->text().contains(',')) {
    return sort_key(run, item, attribute, case_sensitive);
  }
  Values keys;
  for (const std::string_view name : split_by(run, attribute->text(), ",", -1)) {
    const Value one = make_text(run, std::string(name));
    keys.push_back(sort_key(run, item, &one, case_sensitive));
  }
  return make_sequence(run, Kind::kList, std::move(keys));
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
  if (v.is(Kind::kIterator)) run.fail("'generator' object is not reversible");
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
  const Filter* filter = attribute == nullptr ? find_filter(arguments.positional[0].text()) : nullptr;
  if (attribute == nullptr && filter == nullptr) {
    run.fail(fmt::format("No filter named '{}'.", arguments.positional[0].text()));
    return {};
  }
  Arguments rest = arguments;
  if (attribute == nullptr) rest.positional.erase(rest.positional.begin());
  for (const auto& item : iterate(run, v)) {
    if (!run.step()) break;
    if (attribute == nullptr) {
      out.push_back(apply_filter(run, *filter, item, rest));
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
  const Test* find = test != nullptr && !run.failed() ? find_test(test->text()) : nullptr;
  if (test != nullptr && find == nullptr) run.fail(fmt::format("No test named '{}'.", to_text(run, *test)));
  if (run.failed()) return {};
  Arguments rest;
  for (size_t i = test_place + 1; i < arguments.positional.size(); ++i)
    rest.positional.push_back(arguments.positional[i]);
  Values out;
  for (const auto& item : iterate(run, v)) {
    if (!run.step()) break;
    const Value subject = attribute != nullptr ? get_path(run, item, *attribute) : item;
    const bool holds = find != nullptr ? apply_test(run, *find, subject, rest) : truthy(subject);
    if (holds == wanted) out.push_back(item);
  }
  return iterator_of(run, std::move(out));
}

Value filter_select(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, false, true); }
Value filter_reject(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, false, false); }
Value filter_selectattr(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, true, true); }
Value filter_rejectattr(Run& run, const Value& v, const Arguments& a) { return select_items(run, v, a, true, false); }

Value filter_sort(Run& run, const Value& v, const Arguments& arguments) {
  std::vector<Keyed> items;
  for (const auto& item : iterate(run, v)) {
    items.push_back(
        {multiple_sort_key(run, item, given(arguments, 2, "attribute"), flag(arguments, 1, "case_sensitive")), item});
  }
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
    if (run.failed() || !check_hashable(run, candidate.key)) break;
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
  for (const auto& item : items | std::views::drop(1)) {
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

// Never an item of a dictionary.
Value filter_attr(Run& run, const Value& v, const Arguments& arguments) {
  const Value* name = arguments.find(0, "name");
  if (name == nullptr) run.fail("attr needs a name");
  if (run.failed()) return {};
  const std::string text = to_text(run, *name);
  if (v.is(Kind::kDict) && !has_method(v, text) && !is_mutating_method(v, text)) {
    return make_undefined(Undefined::Why::kAttribute, type_name(v), text);
  }
  return get_attribute(run, v, text);
}

Value filter_slice(Run& run, const Value& v, const Arguments& arguments) {
  const Value* count = arguments.find(0, "slices");
  const Value* fill = given(arguments, 1, "fill_with");
  if (count == nullptr || !count->is_integer() || count->as_int() < 1 ||
      !run.may_make(static_cast<uint64_t>(count->as_int()) * sizeof(Sequence))) {
    run.fail("slice needs a positive number");
    return {};
  }
  const Values items = iterate(run, v);
  const auto n = static_cast<size_t>(count->as_int());
  Values out;
  size_t at = 0;
  for (size_t i = 0; i < n && run.step(); ++i) {
    const bool is_longer = i < items.size() % n;
    const size_t end = at + items.size() / n + (is_longer ? 1 : 0);
    Values part(items.begin() + static_cast<ptrdiff_t>(at), items.begin() + static_cast<ptrdiff_t>(end));
    if (fill != nullptr && !is_longer) part.push_back(*fill);
    out.push_back(list_of(run, std::move(part)));
    at = end;
  }
  return iterator_of(run, std::move(out));
}

Value filter_groupby(Run& run, const Value& v, const Arguments& arguments) {
  const Value* attribute = arguments.find(0, "attribute");
  const Value* otherwise = given(arguments, 1, "default");
  if (attribute == nullptr) run.fail("groupby needs an attribute");
  if (run.failed()) return {};
  std::vector<Keyed> items;
  const auto key_of = [&](const Value& item) {
    Value key = get_path(run, item, *attribute);
    return key.is(Kind::kUndefined) && otherwise != nullptr ? *otherwise : key;
  };
  for (const auto& item : iterate(run, v)) {
    Value key = key_of(item);
    items.push_back({flag(arguments, 2, "case_sensitive") ? key : without_case(run, std::move(key)), item});
  }
  sort_keyed(run, items, false);
  Values groups;
  for (size_t begin = 0; begin < items.size() && run.step();) {
    Values members;
    size_t end = begin;
    for (; end < items.size() && equal(run, items[end].key, items[begin].key); ++end)
      members.push_back(items[end].item);
    groups.push_back(make_group(run, key_of(items[begin].item), list_of(run, std::move(members))));
    begin = std::max(end, begin + 1);
  }
  return list_of(run, std::move(groups));
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

constexpr Filter kFilters[] = {
    {"list", filter_list},
    {"items", filter_items},
    {"join", filter_join, 0, {"d", "attribute"}},
    {"first", filter_first},
    {"last", filter_last},
    {"reverse", filter_reverse},
    {"map", filter_map, 0, {}, true},
    {"select", filter_select, 0, {}, true},
    {"reject", filter_reject, 0, {}, true},
    {"sort", filter_sort, 0, {"reverse", "case_sensitive", "attribute"}},
    {"selectattr", filter_selectattr, 0, {}, true},
    {"rejectattr", filter_rejectattr, 0, {}, true},
    {"unique", filter_unique, 0, {"case_sensitive", "attribute"}},
    {"dictsort", filter_dictsort, 0, {"case_sensitive", "by", "reverse"}},
    {"min", filter_min, 0, {"case_sensitive", "attribute"}},
    {"max", filter_max, 0, {"case_sensitive", "attribute"}},
    {"sum", filter_sum, 0, {"attribute", "start"}},
    {"attr", filter_attr, 1, {"name"}},
    {"batch", filter_batch, 1, {"linecount", "fill_with"}},
    {"slice", filter_slice, 1, {"slices", "fill_with"}},
    {"groupby", filter_groupby, 1, {"attribute", "default", "case_sensitive"}},
};

}  // namespace

const Filter* find_sequence_filter(std::string_view name) {
  const auto* it = std::ranges::find(kFilters, name, &Filter::name);
  return it != std::end(kFilters) ? it : nullptr;
}

}  // namespace bp::jinja
