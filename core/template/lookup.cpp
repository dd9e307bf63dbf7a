#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "template/loop.h"
#include "template/methods.h"
#include "template/operators.h"
#include "template/unicode_text.h"
#include "template/value_text.h"

namespace bp::jinja {
namespace {

Value no_attribute(const Value& of, std::string_view name) {
  return make_undefined(Undefined::Why::kAttribute, of.is(Kind::kNone) ? "None" : type_name(of), name);
}

Value no_element(Run& run, const Value& of, const Value& key) {
  run.step(16);
  const std::string object = of.is(Kind::kNone) ? "None" : fmt::format("{} object", type_name(of));
  return make_undefined(fmt::format("{} has no element {}", object, to_repr(run, key)));
}

std::optional<Value> loop_attribute(const Loop& loop, std::string_view name) {
  const Values& items = loop.items.items();
  const auto n = static_cast<int64_t>(items.size());
  const auto i = static_cast<int64_t>(loop.index);
  if (name == "index") return Value::of(i + 1);
  if (name == "index0") return Value::of(i);
  if (name == "revindex") return Value::of(n - i);
  if (name == "revindex0") return Value::of(n - i - 1);
  if (name == "first") return Value::of(i == 0);
  if (name == "last") return Value::of(i + 1 == n);
  if (name == "length") return Value::of(n);
  if (name == "depth") return Value::of(int64_t{loop.depth});
  if (name == "depth0") return Value::of(int64_t{loop.depth} - 1);
  if (name == "previtem") return i > 0 ? items[loop.index - 1] : make_undefined("there is no previous item");
  if (name == "nextitem") return i + 1 < n ? items[loop.index + 1] : make_undefined("there is no next item");
  return std::nullopt;
}

// An attribute that is no item: a method, a member. The sandbox gives out no method that changes a value.
std::optional<Value> own_attribute(const Value& of, std::string_view name) {
  if (of.is(Kind::kNamespace)) {
    if (const Value* member = of.space().find(name)) return *member;
  }
  if (of.is(Kind::kLoop)) {
    if (auto value = loop_attribute(of.loop(), name)) return value;
  }
  if (of.is(Kind::kTuple) && of.sequence().is_group && (name == "grouper" || name == "list")) {
    return of.items()[name == "list" ? 1 : 0];
  }
  if (name.starts_with("__") || is_mutating_method(of, name)) {
    return make_undefined(Undefined::Why::kUnsafe, type_name(of), name);
  }
  if (has_method(of, name)) return make_method(of, name);
  return std::nullopt;
}

std::optional<size_t> index_of(int64_t index, size_t size) {
  const auto n = static_cast<int64_t>(size);
  if (index < 0) index += n;
  if (index < 0 || index >= n) return std::nullopt;
  return static_cast<size_t>(index);
}

std::optional<Value> own_item(Run& run, const Value& of, const Value& key) {
  if (of.is(Kind::kDict)) {
    if (key.is(Kind::kText)) {
      if (!run.step(key.text().size() >> 10)) return std::nullopt;
      const Value* value = of.dict().find(key.text());
      return value != nullptr ? std::optional(*value) : std::nullopt;
    }
    const Value* value = find_key(run, of.dict(), key);
    return value != nullptr ? std::optional(*value) : std::nullopt;
  }
  if (!key.is_integer()) return std::nullopt;
  if (of.is(Kind::kRange)) {
    const auto index = index_of(key.as_int(), static_cast<size_t>(of.range().size));
    return index ? std::optional(Value::of(of.range().at(static_cast<int64_t>(*index)))) : std::nullopt;
  }
  if (of.is_sequence()) {
    const auto index = index_of(key.as_int(), of.items().size());
    return index ? std::optional(of.items()[*index]) : std::nullopt;
  }
  if (of.is(Kind::kText)) {
    const auto index = index_of(key.as_int(), of.text_box().n_chars());
    if (!index || !run.step(*index >> 6)) return std::nullopt;
    const size_t at = byte_of_char(of.text(), *index);
    return make_text(run, std::string(of.text().substr(at, char_bytes(of.text(), at))), of.is_safe_text());
  }
  return std::nullopt;
}

struct Bounds {
  int64_t start;
  int64_t stop;
  int64_t step;
};

// Python's slice.indices(n). False where a bound is no whole number.
bool slice_range(Run& run, const Value* bounds[3], int64_t n, Bounds& range) {
  for (int i = 0; i < 3; ++i) {
    if (bounds[i]->is(Kind::kNone) || bounds[i]->is_integer()) continue;
    run.fail("slice indices must be integers or None or have an __index__ method");
    return false;
  }
  range.step = bounds[2]->is(Kind::kNone) ? 1 : bounds[2]->as_int();
  if (range.step == 0) {
    run.fail("slice step cannot be zero");
    return false;
  }
  const int64_t low = range.step < 0 ? -1 : 0;
  const int64_t high = range.step < 0 ? n - 1 : n;
  const auto clamp = [&](const Value& bound, int64_t otherwise) {
    if (bound.is(Kind::kNone)) return otherwise;
    const int64_t i = bound.as_int();
    return std::clamp(i < 0 ? i + n : i, low, high);
  };
  range.start = clamp(*bounds[0], range.step < 0 ? high : low);
  range.stop = clamp(*bounds[1], range.step < 0 ? low : high);
  range.step = std::clamp(range.step, -n - 1, n + 1);
  return true;
}

Value slice_text(Run& run, const Value& of, const Bounds& range) {
  const std::string_view text = of.text();
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size(); at += char_bytes(text, at)) starts.push_back(at);
  starts.push_back(text.size());
  run.step(text.size() >> 8);
  std::string out;
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step) {
    const auto c = static_cast<size_t>(i);
    out += text.substr(starts[c], starts[c + 1] - starts[c]);
  }
  return make_text(run, std::move(out), of.is_safe_text());
}

}  // namespace

Value get_attribute(Run& run, const Value& of, std::string_view name) {
  if (of.is(Kind::kUndefined)) {
    fail_undefined(run, of);
    return {};
  }
  if (auto value = own_attribute(of, name)) return *std::move(value);
  if (of.is(Kind::kDict)) {
    if (const Value* value = of.dict().find(name)) return *value;
  }
  return no_attribute(of, name);
}

Value get_item(Run& run, const Value& of, const Value& key) {
  if (of.is(Kind::kUndefined)) {
    fail_undefined(run, of);
    return {};
  }
  if (auto value = own_item(run, of, key)) return *std::move(value);
  if (!key.is(Kind::kText)) return no_element(run, of, key);
  if (auto value = own_attribute(of, key.text())) return *std::move(value);
  return no_attribute(of, key.text());
}

Value get_slice(Run& run, const Value& of, const Value& start, const Value& stop, const Value& step) {
  if (of.is(Kind::kUndefined)) fail_undefined(run, of);
  if (!of.is(Kind::kText) && !of.is_sequence() && !of.is(Kind::kRange)) {
    run.fail(fmt::format("'{}' object is not subscriptable", type_name(of)));
    return {};
  }
  const Value* bounds[3] = {&start, &stop, &step};
  Bounds range{};
  if (run.failed() || !slice_range(run, bounds, length(run, of), range)) return {};
  if (of.is(Kind::kText)) return slice_text(run, of, range);
  if (of.is(Kind::kRange)) {
    const Range& whole = of.range();
    return make_range(run, whole.at(range.start), whole.at(range.stop), whole.step * range.step);
  }
  Values items;
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step) {
    items.push_back(of.items()[static_cast<size_t>(i)]);
  }
  return make_sequence(run, of.kind(), std::move(items));
}

Value get_path(Run& run, const Value& of, const Value& path) {
  if (!path.is(Kind::kText)) return get_item(run, of, path);
  Value value = of;
  std::string_view rest = path.text();
  for (bool more = true; more && run.step();) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool is_index = error == std::errc() && end == part.data() + part.size() && !part.starts_with('-');
    value = get_item(run, value, is_index ? Value::of(index) : make_text(run, std::string(part)));
    more = dot != std::string_view::npos;
    if (more) rest = rest.substr(dot + 1);
  }
  return value;
}

}  // namespace bp::jinja
