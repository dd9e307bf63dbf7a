#include "template/value.h"

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

Value Value::of(std::shared_ptr<Loop> loop) {
  Value v(Kind::kLoop);
  v.box_ = std::move(loop);
  return v;
}

Value Value::constant(std::string text) {
  Value v(Kind::kText);
  const size_t n = count_chars(text);
  v.box_ = std::make_shared<Text>(std::move(text), false, n, Charge(nullptr, 0));
  return v;
}

const Text& Value::text_box() const { return *static_cast<const Text*>(box_.get()); }
std::string_view Value::text() const { return text_box().bytes; }
bool Value::is_safe_text() const { return kind_ == Kind::kText && text_box().safe; }
const Values& Value::items() const { return static_cast<const Sequence*>(box_.get())->items; }
const Dict& Value::dict() const { return *static_cast<const Dict*>(box_.get()); }
const Method& Value::method() const { return *static_cast<const Method*>(box_.get()); }
Loop& Value::loop() const { return *static_cast<Loop*>(const_cast<void*>(box_.get())); }

const Undefined& Value::undefined() const {
  static const Undefined nameless{"value is undefined", false};
  return box_ != nullptr ? *static_cast<const Undefined*>(box_.get()) : nameless;
}

bool Value::take_iterator() const {
  const auto* sequence = static_cast<const Sequence*>(box_.get());
  return !std::exchange(sequence->taken, true);
}

int Value::depth() const {
  switch (kind_) {
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kIterator:
    case Kind::kView:
      return static_cast<const Sequence*>(box_.get())->depth;
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
  Value v(Kind::kText);
  const size_t n = count_chars(text);
  const size_t bytes = text.size() + sizeof(Text);
  v.box_ = std::make_shared<Text>(std::move(text), safe, n, Charge(&run, bytes));
  return v;
}

Value make_sequence(Run& run, Kind kind, Values items) {
  const size_t bytes = items.size() * sizeof(Value) + sizeof(Sequence);
  int depth = depth_of(items);
  if (!run.may_make(bytes) || !depth_allowed(run, depth)) {
    items.clear();
    depth = 1;
  }
  Value v(kind);
  v.box_ = std::make_shared<Sequence>(std::move(items), depth, Charge(&run, bytes));
  return v;
}

Value make_dict(Run& run, Items items) {
  const size_t bytes = items.size() * 2 * sizeof(Value) + sizeof(Dict);
  int depth = 0;
  for (const auto& [key, value] : items) depth = std::max({depth, key.depth(), value.depth()});
  if (!run.may_make(bytes) || !depth_allowed(run, depth + 1)) {
    items.clear();
    depth = 0;
  }
  auto dict = std::make_shared<Dict>(std::move(items), depth + 1, Charge(&run, bytes));
  if (dict->items.size() >= kIndexedFrom) {
    for (size_t i = 0; i < dict->items.size(); ++i) {
      if (dict->items[i].first.is(Kind::kText)) dict->index.emplace(dict->items[i].first.text(), i);
    }
  }
  Value v(Kind::kDict);
  v.box_ = std::move(dict);
  return v;
}

Value make_undefined(std::string message, bool security) {
  constexpr size_t kMaxMessage = 200;
  if (message.size() > kMaxMessage) message.resize(kMaxMessage);
  Value v(Kind::kUndefined);
  v.box_ = std::make_shared<Undefined>(std::move(message), security);
  return v;
}

Value make_method(Value self, std::string_view name) {
  Value v(Kind::kMethod);
  v.box_ = std::make_shared<Method>(std::move(self), std::string(name));
  return v;
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
    case Kind::kIterator:
      return "generator";
    case Kind::kView:
      return "dict_items";
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
    default:
      return true;
  }
}

}  // namespace bp::jinja
