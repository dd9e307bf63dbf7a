#include "template/methods.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/loop.h"
#include "template/operators.h"
#include "template/text_methods.h"

namespace bp::jinja {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool has_count(Run& run, const Value& self, std::string_view name, const Arguments& arguments, size_t least,
               size_t most) {
  const size_t n = arguments.positional.size();
  if (n < least || n > most || !arguments.named.empty()) {
    run.fail(fmt::format("{}.{}() takes {} to {} arguments without names", type_name(self), name, least, most));
  }
  return !run.failed();
}

Value view_of(Run& run, const Dict& dict, ViewKind which) {
  Values items;
  items.reserve(dict.items.size());
  for (const auto& [key, value] : dict.items) {
    items.push_back(which == ViewKind::kKeys     ? key
                    : which == ViewKind::kValues ? value
                                                 : make_sequence(run, Kind::kTuple, {key, value}));
  }
  run.step(items.size());
  return make_view(run, which, std::move(items));
}

Value call_dict_method(Run& run, const Value& self, std::string_view name, const Arguments& arguments) {
  const bool is_get = name == "get";
  if (!has_count(run, self, name, arguments, is_get ? 1 : 0, is_get ? 2 : 0)) return {};
  const Dict& dict = self.dict();
  if (name == "copy") return self;
  if (name == "items") return view_of(run, dict, ViewKind::kItems);
  if (name == "keys") return view_of(run, dict, ViewKind::kKeys);
  if (name == "values") return view_of(run, dict, ViewKind::kValues);
  const Value& key = arguments.positional[0];
  if (!check_hashable(run, key)) return {};
  if (const Value* value = find_key(run, dict, key)) return *value;
  return arguments.positional.size() > 1 ? arguments.positional[1] : Value::none();
}

Value call_list_method(Run& run, const Value& self, std::string_view name, const Arguments& arguments) {
  if (name == "copy") return has_count(run, self, name, arguments, 0, 0) ? self : Value();
  const bool is_index = name == "index";
  if (!has_count(run, self, name, arguments, 1, is_index ? 3 : 1)) return {};
  const Values items = iterate(run, self);
  const auto n = static_cast<int64_t>(items.size());
  const auto bound = [&](size_t place, int64_t otherwise) {
    if (place >= arguments.positional.size()) return otherwise;
    const Value& value = arguments.positional[place];
    if (!value.is_integer()) run.fail("slice indices must be integers or have an __index__ method");
    return std::max<int64_t>(0, value.as_int() < 0 ? value.as_int() + n : value.as_int());
  };
  const int64_t stop = std::min(bound(2, n), n);
  int64_t count = 0;
  for (int64_t i = bound(1, 0); i < stop && !run.failed(); ++i) {
    if (!equal(run, items[static_cast<size_t>(i)], arguments.positional[0])) continue;
    if (is_index) return Value::of(i);
    ++count;
  }
  if (is_index) run.fail("the value is not in the list");
  return Value::of(count);
}

// loop.cycle(a, b, …) and loop.changed(…).
Value call_loop_method(Run& run, const Value& self, std::string_view name, const Arguments& arguments) {
  Loop& loop = self.loop();
  if (!arguments.named.empty() || (name == "cycle" && arguments.positional.empty())) {
    run.fail("no items for cycling given");
    return {};
  }
  if (name == "cycle") return arguments.positional[loop.index % arguments.positional.size()];
  Value now = make_sequence(run, Kind::kTuple, arguments.positional);
  const bool changed = !loop.last_seen || !equal(run, *loop.last_seen, now);
  if (changed && !loop.has_ended) loop.last_seen = std::move(now);
  return Value::of(changed);
}

}  // namespace

bool has_method(const Value& of, std::string_view name) {
  switch (of.kind()) {
    case Kind::kText:
      return has_text_method(name);
    case Kind::kDict:
      return is_one_of(name, {"get", "items", "keys", "values", "copy"});
    case Kind::kList:
      return is_one_of(name, {"index", "count", "copy"});
    case Kind::kTuple:
    case Kind::kRange:
      return is_one_of(name, {"index", "count"});
    case Kind::kLoop:
      return is_one_of(name, {"cycle", "changed"});
    default:
      return false;
  }
}

bool is_mutating_method(const Value& of, std::string_view name) {
  if (of.is(Kind::kDict)) return is_one_of(name, {"clear", "pop", "popitem", "setdefault", "update"});
  return of.is(Kind::kList) &&
         is_one_of(name, {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"});
}

Value call_method(Run& run, const Value& self, std::string_view name, const Arguments& arguments) {
  if (!run.step()) return {};
  switch (self.kind()) {
    case Kind::kDict:
      return call_dict_method(run, self, name, arguments);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
      return call_list_method(run, self, name, arguments);
    case Kind::kLoop:
      return call_loop_method(run, self, name, arguments);
    default:
      return call_text_method(run, self, name, arguments);
  }
}

}  // namespace bp::jinja
