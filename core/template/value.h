// A value of a template: what Python has in its place. Texts, lists and dictionaries never change once made (the
// sandbox is immutable); namespaces alone do.
// Not thread-safe, but constants of a parsed template may be read by several renderings.
// Invariant: nesting is at most TemplateLimits::max_depth, so that no walk over a value needs a deeper stack.
#pragma once

#include <cstdint>
#include <memory>
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

struct Text;
struct Sequence;
struct Dict;
struct Undefined;
struct Method;
struct Namespace;
struct Macro;
struct Loop;
enum class Function : uint8_t { kRange, kNamespace, kDict, kRaiseException, kStrftimeNow };

class Value {
 public:
  Value() = default;  // undefined, without a name
  static Value none() { return Value(Kind::kNone); }
  static Value of(bool b);
  static Value of(int64_t i);
  static Value of(double d);
  static Value of(Function function);
  static Value of(Namespace* space);
  static Value of(const Macro* macro);
  static Value of(std::shared_ptr<Loop> loop);
  // A constant, charged to nobody.
  static Value constant(std::string text);

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
  const Values& items() const;  // list, tuple, iterator, view
  const Dict& dict() const;
  const Undefined& undefined() const;
  const Method& method() const;
  Function function() const { return static_cast<Function>(int_); }
  Namespace& space() const { return *static_cast<Namespace*>(raw_); }
  const Macro& macro() const { return *static_cast<const Macro*>(raw_); }
  Loop& loop() const;
  const void* identity() const { return box_ != nullptr ? box_.get() : raw_; }

  // Takes the items of an iterator, which gives them once. REQUIRES: kIterator.
  bool take_iterator() const;
  int depth() const;

 private:
  friend Value make_text(Run& run, std::string text, bool safe);
  friend Value make_sequence(Run& run, Kind kind, Values items);
  friend Value make_dict(Run& run, Items items);
  friend Value make_undefined(std::string message, bool security);
  friend Value make_method(Value self, std::string_view name);
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kUndefined;
  union {
    int64_t int_ = 0;
    double float_;
    void* raw_;
  };
  std::shared_ptr<const void> box_;
};

struct Text {
  std::string bytes;
  bool safe;       // Markup: adding to it escapes the other side
  size_t n_chars;  // code points
  Charge charge;
};

struct Sequence {
  Values items;
  int depth;
  Charge charge;
  mutable bool taken = false;
};

struct Dict {
  Items items;
  int depth;
  Charge charge;
  std::unordered_map<std::string_view, size_t> index;  // of text keys, where there are many items

  const Value* find(std::string_view key) const;
};

struct Undefined {
  std::string message;  // what an attempt to use it says
  bool security;
};

struct Method {
  Value self;
  std::string name;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> members;

  Value* find(std::string_view name);
  void set(std::string_view name, Value value);
};

Value make_text(Run& run, std::string text, bool safe = false);
// kList, kTuple, kIterator or kView.
Value make_sequence(Run& run, Kind kind, Values items);
// REQUIRES: keys differ.
Value make_dict(Run& run, Items items);
Value make_undefined(std::string message, bool security = false);
Value make_method(Value self, std::string_view name);
Value value_of_json(Run& run, const json::value& json);

// Python's name of its type: "str", "dict", …
std::string_view type_name(const Value& value);
bool truthy(const Value& value);

}  // namespace bp::jinja
