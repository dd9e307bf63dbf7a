#include "model/pickle_stack.h"

#include <fmt/format.h>

#include <array>

namespace bp {
namespace {
constexpr size_t kMost = 1'000'000;  // of everything: a tensor takes about 17 objects
}  // namespace

std::string_view kind_name(PickleKind kind) {
  constexpr std::array<std::string_view, 11> kNames = {"None",     "a bool",    "an integer", "a number",
                                                       "a text",   "a tuple",   "a list",     "a dict",
                                                       "a global", "a storage", "a tensor"};
  return kNames[static_cast<size_t>(kind)];
}

std::unexpected<Error> PickleStack::refuse(std::string what) const {
  return fail(ErrorCode::kRefused, where_, std::move(what), "the file is damaged, or no PyTorch file of weights");
}

Status PickleStack::push(PickleNode node) {
  if (nodes_.size() >= kMost) return refuse(fmt::format("builds more than {} objects", kMost));
  nodes_.push_back(std::move(node));
  return push_again(static_cast<PickleId>(nodes_.size() - 1));
}

Status PickleStack::push_again(PickleId id) {
  if (stack_.size() >= kMost) return refuse(fmt::format("stacks more than {} objects", kMost));
  stack_.push_back(id);
  return {};
}

Result<PickleId> PickleStack::pop() {
  BP_TRY(const PickleId id, top());
  stack_.pop_back();
  return id;
}

Result<PickleId> PickleStack::top() const {
  if (stack_.size() <= floor()) return refuse("takes from an empty stack");
  return stack_.back();
}

Status PickleStack::mark() {
  if (marks_.size() >= kMost) return refuse(fmt::format("sets more than {} marks", kMost));
  marks_.push_back(stack_.size());
  return {};
}

Result<PickleStack::Ids> PickleStack::pop_to_mark() {
  if (marks_.empty()) return refuse("goes back to a mark that it did not set");
  const Ids items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()), stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

Result<PickleStack::Ids> PickleStack::pop_many(size_t n) {
  if (stack_.size() - floor() < n) return refuse("takes from an empty stack");
  const Ids items(stack_.end() - static_cast<ptrdiff_t>(n), stack_.end());
  stack_.resize(stack_.size() - n);
  return items;
}

Status PickleStack::append(PickleKind container, const Ids& items) {
  BP_TRY(const PickleId id, top());
  PickleNode& node = nodes_[id];
  if (node.kind != container || (container == PickleKind::kDict && items.size() % 2 != 0)) {
    return refuse(fmt::format("adds {} items to {}", items.size(), kind_name(node.kind)));
  }
  n_items_ += items.size();
  if (n_items_ > kMost) return refuse(fmt::format("holds more than {} items", kMost));
  node.items.insert(node.items.end(), items.begin(), items.end());
  return {};
}

Status PickleStack::memoize(uint64_t index) {
  BP_TRY(const PickleId id, top());
  if (memo_.size() >= kMost) return refuse(fmt::format("remembers more than {} objects", kMost));
  memo_[index] = id;
  return {};
}

Status PickleStack::recall(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) return refuse(fmt::format("recalls object {}, which it did not remember", index));
  return push_again(found->second);
}

}  // namespace bp
