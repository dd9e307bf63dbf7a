#include "template/value.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/loop.h"
#include "template/unicode_text.h"

namespace bp::jinja {
namespace {

constexpr size_t kIndexedFrom = 9;  // items; fewer are searched one by one

int depth_of(const Values& items) {
  int depth = 0;
  for (const auto& item : items) depth = std::max(depth, item.depth());
  return depth + 1;
}

bool depth_allowed(Run& run, int depth) {
  if (depth > run.limits().max_depth) run.fail("the limit of depth is reached by a value");
  return !run.failed();
}

}  // namespace

Value Value::of(bool b) {
  Value v(Kind::kBool);
  v.int_ = b ? 1 : 0;
  return v;
}

Value Value::of(int64_t i) {
  Value v(Kind::kInt);
  v.int_ = i;
  return v;
}

Value Value::of(double d) {
  Value v(Kind::kFloat);
  v.float_ = d;
  return v;
}

Value Value::of(Function function) {
  Value v(Kind::kFunction);
  v.int_ = static_cast<int64_t>(function);
  return v;
}

Value Value::of(Namespace* space) {
  Value v(Kind::kNamespace);
  v.raw_ = space;
  return v;
}

Value Value::of(const Macro* macro) {
  Value v(Kind::kMacro);
  v.raw_ = const_cast<Macro*>(macro);
  return v;
}

Value Value::of(Kind kind, Box* box) {
  Value v(kind);
  v.raw_ = box;
  v.owns_ = true;
  ++box->n_owners;
  return v;
}

Value Value::of(const Text* constant) {
  Value v(Kind::kText);
  v.raw_ = static_cast<Box*>(const_cast<Text*>(constant));
  return v;
}

const Method& Value::method() const { return *static_cast<const Method*>(box()); }
Loop& Value::loop() const { return *static_cast<Loop*>(box()); }

std::string Value::undefined_message() const {
  if (raw_ == nullptr) return "value is undefined";
  const auto& undefined = *static_cast<const Undefined*>(box());
  switch (undefined.why) {
    case Undefined::Why::kName:
      return fmt::format("'{}' is undefined", undefined.text);
    case Undefined::Why::kAttribute:
      return fmt::format("'{}{}' has no attribute '{}'", undefined.type, undefined.type == "None" ? "" : " object",
                         undefined.text);
    case Undefined::Why::kUnsafe:
      return fmt::format("access to attribute '{}' of '{}' object is unsafe.", undefined.text, undefined.type);
    default:
      return undefined.text;
  }
}

bool Value::take_iterator() const { return !std::exchange(sequence().taken, true); }

int Value::depth() const {
  switch (kind_) {
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kIterator:
    case Kind::kView:
      return sequence().depth;
    case Kind::kDict:
      return dict().depth;
    case Kind::kMethod:
      return method().self.depth() + 1;
    case Kind::kLoop:
      return loop().items.depth() + 1;
    default:
      return 0;
  }
}

size_t Text::n_chars() const {
  if (n_chars_ == kNotCounted) n_chars_ = count_chars(bytes);
  return n_chars_;
}

const Value* Dict::find(std::string_view key) const {
  if (!index.empty()) {
    const auto it = index.find(key);
    return it != index.end() ? &items[it->second].second : nullptr;
  }
  for (const auto& [k, v] : items) {
    if (k.is(Kind::kText) && k.text() == key) return &v;
  }
  return nullptr;
}

Range::Range(int64_t from, int64_t to, int64_t by) : start(from), stop(to), step(by), size(0) {
  const auto distance = static_cast<uint64_t>(by > 0 ? to : from) - static_cast<uint64_t>(by > 0 ? from : to);
  const uint64_t stride = by > 0 ? static_cast<uint64_t>(by) : 0 - static_cast<uint64_t>(by);
  if (by > 0 ? from < to : from > to)
    size = static_cast<int64_t>(std::min((distance - 1) / stride + 1, uint64_t{INT64_MAX}));
}

bool Range::contains(int64_t value) const {
  const bool within = step > 0 ? value >= start && value < stop : value <= start && value > stop;
  const uint64_t distance = step > 0 ? static_cast<uint64_t>(value) - static_cast<uint64_t>(start)
                                     : static_cast<uint64_t>(start) - static_cast<uint64_t>(value);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  return within && distance % stride == 0;
}

Value* Namespace::find(std::string_view name) {
  const auto it = std::ranges::find_if(members, [&](const auto& m) { return m.first == name; });
  return it != members.end() ? &it->second : nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  if (Value* member = find(name)) {
    *member = std::move(value);
  } else {
    members.emplace_back(name, std::move(value));
  }
}

Value make_text(Run& run, std::string text, bool safe) {
  if (!run.may_make(text.size())) text.clear();
  const size_t bytes = text.size() + sizeof(Text);
  return Value::of(Kind::kText, new Text(std::move(text), safe, Charge(&run, bytes)));
}

Value make_sequence(Run& run, Kind kind, Values items) {
  const size_t bytes = items.size() * sizeof(Value) + sizeof(Sequence);
  int depth = depth_of(items);
  if (!run.may_make(bytes) || !depth_allowed(run, depth)) {
    items.clear();
    depth = 1;
  }
  return Value::of(kind, new Sequence(std::move(items), depth, Charge(&run, bytes)));
}

Value make_group(Run& run, Value grouper, Value list) {
  Value group = make_sequence(run, Kind::kTuple, {std::move(grouper), std::move(list)});
  const_cast<Sequence&>(group.sequence()).is_group = true;
  return group;
}

Value make_view(Run& run, ViewKind which, Values items) {
  Value view = make_sequence(run, Kind::kView, std::move(items));
  const_cast<Sequence&>(view.sequence()).view = which;
  return view;
}

Value make_dict(Run& run, Items items) {
  const size_t bytes = items.size() * 2 * sizeof(Value) + sizeof(Dict);
  int depth = 0;
  for (const auto& [key, value] : items) depth = std::max({depth, key.depth(), value.depth()});
  if (!run.may_make(bytes) || !depth_allowed(run, depth + 1)) {
    items.clear();
    depth = 0;
  }
  auto* dict = new Dict(std::move(items), depth + 1, Charge(&run, bytes));
  if (dict->items.size() >= kIndexedFrom) {
    for (size_t i = 0; i < dict->items.size(); ++i) {
      if (dict->items[i].first.is(Kind::kText)) dict->index.emplace(dict->items[i].first.text(), i);
    }
  }
  return Value::of(Kind::kDict, dict);
}

Value make_range(Run& run, int64_t start, int64_t stop, int64_t step) {
  constexpr int64_t kMaxRange = 100'000;
  auto* range = new Range(start, stop, step);
  Value value = Value::of(Kind::kRange, range);
  if (range->size > kMaxRange) {
    run.fail(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange));
    return {};
  }
  return value;
}

Value make_undefined(Undefined::Why why, std::string_view object_type, std::string_view name) {
  constexpr size_t kMaxName = 200;
  return Value::of(Kind::kUndefined, new Undefined(why, object_type, name.substr(0, kMaxName)));
}

Value make_undefined(std::string_view message) { return make_undefined(Undefined::Why::kMessage, "", message); }

Value make_method(Value self, std::string_view name) {
  return Value::of(Kind::kMethod, new Method(std::move(self), name));
}

// Depth: the JSON's own nesting, which its reader bounds.
Value value_of_json(Run& run, const json::value& json) {
  if (!run.step()) return {};
  switch (json.kind()) {
    case json::kind::null:
      return Value::none();
    case json::kind::bool_:
      return Value::of(json.get_bool());
    case json::kind::int64:
      return Value::of(int64_t{json.get_int64()});
    case json::kind::uint64:
      return Value::of(static_cast<double>(json.get_uint64()));
    case json::kind::double_:
      return Value::of(json.get_double());
    case json::kind::string:
      return make_text(run, std::string(json.get_string()));
    case json::kind::array: {
      Values items;
      items.reserve(json.get_array().size());
      for (const auto& item : json.get_array()) items.push_back(value_of_json(run, item));
      return make_sequence(run, Kind::kList, std::move(items));
    }
    case json::kind::object: {
      Items items;
      items.reserve(json.get_object().size());
      for (const auto& [key, value] : json.get_object()) {
        items.emplace_back(make_text(run, std::string(key)), value_of_json(run, value));
      }
      return make_dict(run, std::move(items));
    }
  }
  return {};
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kText:
      return value.is_safe_text() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return "generator";
    case Kind::kView: {
      static constexpr std::string_view kNames[] = {"dict_items", "dict_keys", "dict_values"};
      return kNames[static_cast<size_t>(value.sequence().view)];
    }
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kMacro:
      return "Macro";
    case Kind::kFunction:
      return "function";
    case Kind::kMethod:
      return "builtin_function_or_method";
    case Kind::kLoop:
      return "LoopContext";
  }
  return "object";
}

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.as_int() != 0;
    case Kind::kFloat:
      return value.as_float() != 0;
    case Kind::kText:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return !value.items().empty();
    case Kind::kDict:
      return !value.dict().items.empty();
    case Kind::kRange:
      return value.range().size > 0;
    default:
      return true;
  }
}

}  // namespace bp::jinja
