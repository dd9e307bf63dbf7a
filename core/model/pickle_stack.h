// What the pickle machine builds and works on: objects, a stack of them with marks, and a memo. Everything is bounded,
// and an object that holds itself does no harm: objects refer to each other by number, and die with the stack. Not
// thread-safe. Internal to the module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/torch_globals.h"

namespace bp {

using PickleId = uint32_t;

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInteger,
  kOther,  // a number or bytes nobody asks for
  kText,
  kTuple,
  kList,
  kDict,  // items: key, value, key, value
  kGlobal,
  kStorage,
  kTensor,
};

// "a list"
std::string_view kind_name(PickleKind kind);

struct PickleNode {
  PickleNode(PickleKind of, int64_t value) : kind(of), number(value) {}
  PickleNode(PickleKind of, std::vector<PickleId> held) : kind(of), items(std::move(held)) {}
  explicit PickleNode(std::string_view of) : kind(PickleKind::kText), text(of) {}
  explicit PickleNode(const TorchGlobalEntry* of) : kind(PickleKind::kGlobal), global(of) {}

  PickleKind kind = PickleKind::kNone;
  int64_t number = 0;                        // kBool, kInteger; kStorage, kTensor: place in its list
  std::string_view text;                     // kText: in the file
  std::vector<PickleId> items;               // kTuple, kList, kDict
  const TorchGlobalEntry* global = nullptr;  // kGlobal
};

class PickleStack {
 public:
  using Ids = std::vector<PickleId>;

  // `where` names the file in errors, which are all kRefused.
  explicit PickleStack(std::string where) : where_(std::move(where)) {}

  const PickleNode& operator[](PickleId id) const { return nodes_[id]; }
  bool empty() const { return stack_.empty(); }

  Status push(PickleNode node);
  Status push_again(PickleId id);  // an object that exists
  Result<PickleId> pop();
  Result<PickleId> top() const;
  Status mark();
  Result<Ids> pop_to_mark();
  Result<Ids> pop_many(size_t n);  // in the order they were pushed

  // Adds `items` to the container on top. A dict takes keys and values in turn.
  Status append(PickleKind container, const Ids& items);

  Status memoize(uint64_t index);
  Status memoize_next() { return memoize(memo_.size()); }
  Status recall(uint64_t index);

 private:
  std::unexpected<Error> refuse(std::string what) const;
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  std::string where_;
  std::vector<PickleNode> nodes_;
  Ids stack_;
  std::vector<size_t> marks_;  // heights of the stack, ascending
  std::unordered_map<uint64_t, PickleId> memo_;
  size_t n_items_ = 0;
};

}  // namespace bp
