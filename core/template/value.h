// A value of a template: what Python has in its place. Texts, lists and dictionaries never change once made (the
// sandbox is immutable); namespaces alone do.
// Not thread-safe: each belongs to one rendering, but for the constants of a parsed template, which several may read.
// Invariant: nesting is at most TemplateLimits::max_depth, so that no walk over a value needs a deeper stack.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json.h"
#include "template/run.h"

namespace bp::jinja {

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,
  kList,
  kTuple,
  kDict,
  kRange,     // range(): its numbers are made when they are asked for
  kIterator,  // a generator: gives its items once
  kView,      // of a dictionary: items(), keys(), values()
  kNamespace,
  kMacro,
  kFunction,
  kMethod,
  kLoop,
};

class Value;
using Values = std::vector<Value>;
using Items = std::vector<std::pair<Value, Value>>;

// What a box takes from the account of its rendering; given back with it.
class Charge {
 public:
  Charge(Run* run, size_t bytes) : run_(run), bytes_(bytes) {
    if (run_ != nullptr) run_->charge(bytes_);
  }
  ~Charge() {
    if (run_ != nullptr) run_->refund(bytes_);
  }
  Charge(Charge&& other) noexcept : run_(std::exchange(other.run_, nullptr)), bytes_(other.bytes_) {}
  Charge& operator=(Charge&&) = delete;

 private:
  Run* run_;
  size_t bytes_;
};

// What a value of more than a word points to. Counted without atomics: it belongs to one rendering.
struct Box {
  Box() = default;
  virtual ~Box() = default;
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  uint32_t n_owners = 0;
};

struct Text;
struct Sequence;
struct Dict;
struct Range;
struct Undefined;
struct Method;
struct Namespace;
struct Macro;
struct Loop;
enum class Function : uint8_t { kRange, kNamespace, kDict, kRaiseException, kStrftimeNow };

class Value {
 public:
  Value() = default;  // undefined, without a name
  Value(const Value& other) : kind_(other.kind_), owns_(other.owns_), raw_(other.raw_) {
    if (owns_) ++box()->n_owners;
  }
  Value(Value&& other) noexcept
      : kind_(other.kind_), owns_(std::exchange(other.owns_, false)), raw_(std::exchange(other.raw_, nullptr)) {
    other.kind_ = Kind::kUndefined;
  }
  Value& operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(owns_, other.owns_);
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Value() {
    if (owns_ && --box()->n_owners == 0) delete box();
  }

  static Value none() { return Value(Kind::kNone); }
  static Value of(bool b);
  static Value of(int64_t i);
  static Value of(double d);
  static Value of(Function function);
  static Value of(Namespace* space);
  static Value of(const Macro* macro);
  // Takes part in owning `box`. REQUIRES: a box of that kind.
  static Value of(Kind kind, Box* box);
  // A text that belongs to the template, which outlives the value.
  static Value of(const Text* constant);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_number() const { return kind_ == Kind::kBool || kind_ == Kind::kInt || kind_ == Kind::kFloat; }
  bool is_integer() const { return kind_ == Kind::kBool || kind_ == Kind::kInt; }
  // Items by index: a list or a tuple.
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }

  // REQUIRES for each: that kind.
  bool as_bool() const { return int_ != 0; }
  int64_t as_int() const { return int_; }  // of a bool too
  double as_float() const { return kind_ == Kind::kFloat ? float_ : static_cast<double>(int_); }
  std::string_view text() const;
  bool is_safe_text() const;
  const Text& text_box() const;
  const Sequence& sequence() const;  // list, tuple, iterator, view
  const Values& items() const;       // of the same
  const Dict& dict() const;
  const Range& range() const;
  // What an attempt to use it says. REQUIRES: kUndefined.
  std::string undefined_message() const;
  const Method& method() const;
  Function function() const { return static_cast<Function>(int_); }
  Namespace& space() const { return *static_cast<Namespace*>(raw_); }
  const Macro& macro() const { return *static_cast<const Macro*>(raw_); }
  Loop& loop() const;
  const void* identity() const { return raw_; }

  // Takes the items of an iterator, which gives them once. REQUIRES: kIterator.
  bool take_iterator() const;
  int depth() const;

 private:
  explicit Value(Kind kind) : kind_(kind) {}
  Box* box() const { return static_cast<Box*>(raw_); }

  Kind kind_ = Kind::kUndefined;
  bool owns_ = false;
  union {
    void* raw_ = nullptr;  // of a box: the Box
    int64_t int_;
    double float_;
  };
};

struct Text : Box {
  Text(std::string text, bool is_safe, Charge cost) : bytes(std::move(text)), safe(is_safe), charge(std::move(cost)) {}
  // Code points; counted when first asked for.
  size_t n_chars() const;

  std::string bytes;
  bool safe;  // Markup: adding to it escapes the other side
  Charge charge;

 private:
  static constexpr size_t kNotCounted = ~size_t{0};
  mutable size_t n_chars_ = kNotCounted;
};

enum class ViewKind : uint8_t { kItems, kKeys, kValues };

struct Sequence : Box {
  Sequence(Values values, int nesting, Charge cost)
      : items(std::move(values)), depth(nesting), charge(std::move(cost)) {}

  Values items;
  int depth;
  Charge charge;
  ViewKind view = ViewKind::kItems;
  bool is_group = false;  // of groupby: its two items have names
  mutable bool taken = false;
};

struct Dict : Box {
  Dict(Items pairs, int nesting, Charge cost) : items(std::move(pairs)), depth(nesting), charge(std::move(cost)) {}
  const Value* find(std::string_view key) const;

  Items items;
  int depth;
  Charge charge;
  std::unordered_map<std::string_view, size_t> index;  // of text keys, where there are many items
};

struct Range : Box {
  Range(int64_t from, int64_t to, int64_t by);
  int64_t at(int64_t index) const { return start + index * step; }
  bool contains(int64_t value) const;

  int64_t start, stop, step;
  int64_t size;  // how many numbers
};

// Why there is no value. The message is put together only where it is wanted: most are only asked whether they are.
struct Undefined : Box {
  enum class Why : uint8_t { kName, kAttribute, kUnsafe, kMessage };
  Undefined(Why reason, std::string_view object_type, std::string_view name_or_message)
      : why(reason), type(object_type), text(name_or_message) {}

  Why why;
  std::string_view type;  // of the object; static
  std::string text;
};

inline const Text& Value::text_box() const { return *static_cast<const Text*>(box()); }
inline std::string_view Value::text() const { return text_box().bytes; }
inline bool Value::is_safe_text() const { return kind_ == Kind::kText && text_box().safe; }
inline const Sequence& Value::sequence() const { return *static_cast<const Sequence*>(box()); }
inline const Values& Value::items() const { return sequence().items; }
inline const Dict& Value::dict() const { return *static_cast<const Dict*>(box()); }
inline const Range& Value::range() const { return *static_cast<const Range*>(box()); }

struct Method : Box {
  Method(Value of, std::string_view its_name) : self(std::move(of)), name(its_name) {}

  Value self;
  std::string name;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> members;

  Value* find(std::string_view name);
  void set(std::string_view name, Value value);
};

Value make_text(Run& run, std::string text, bool safe = false);
// kList, kTuple or kIterator.
Value make_sequence(Run& run, Kind kind, Values items);
Value make_group(Run& run, Value grouper, Value list);
Value make_view(Run& run, ViewKind which, Values items);
// REQUIRES: keys differ.
Value make_dict(Run& run, Items items);
// Fails the rendering where it has more than the sandbox's 100,000 numbers. REQUIRES: step != 0.
Value make_range(Run& run, int64_t start, int64_t stop, int64_t step);
Value make_undefined(Undefined::Why why, std::string_view object_type, std::string_view name);
Value make_undefined(std::string_view message);
Value make_method(Value self, std::string_view name);
Value value_of_json(Run& run, const json::value& json);

// Python's name of its type: "str", "dict", …
std::string_view type_name(const Value& value);
bool truthy(const Value& value);

}  // namespace bp::jinja
