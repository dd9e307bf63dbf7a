// The variables of a block: a loop's round, a macro's body, the template itself.
// Not thread-safe: lives in one rendering.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "template/ast.h"

namespace bp::jinja {

class Scope {
 public:
  explicit Scope(Scope* parent) : parent_(parent) {}

  // Null where neither this scope nor one around it has the name.
  const Value* find(NameId name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
      if (const size_t at = scope->position(name); at < scope->variables_.size()) return &scope->variables_[at].second;
    }
    return nullptr;
  }

  void set(NameId name, Value value) {
    if (const size_t at = position(name); at < variables_.size()) {
      variables_[at].second = std::move(value);
      return;
    }
    if (variables_.size() >= kIndexedFrom) {
      if (index_.empty()) {
        for (size_t i = 0; i < variables_.size(); ++i) index_.emplace(variables_[i].first, i);
      }
      index_.emplace(name, variables_.size());
    }
    variables_.emplace_back(name, std::move(value));
  }

  // Empty again, inside of `parent`.
  void reset(Scope* parent) {
    parent_ = parent;
    variables_.clear();
    if (!index_.empty()) index_.clear();
  }

  // A macro defined in here may outlive the block, and needs it and those around it.
  void keep() {
    for (Scope* scope = this; scope != nullptr && !scope->kept_; scope = scope->parent_) scope->kept_ = true;
  }
  bool is_kept() const { return kept_; }

 private:
  static constexpr size_t kIndexedFrom = 16;  // variables; fewer are searched one by one

  size_t position(NameId name) const {
    if (!index_.empty()) {
      const auto it = index_.find(name);
      return it != index_.end() ? it->second : variables_.size();
    }
    size_t at = 0;
    while (at < variables_.size() && variables_[at].first != name) ++at;
    return at;
  }

  Scope* parent_;
  bool kept_ = false;
  std::vector<std::pair<NameId, Value>> variables_;
  std::unordered_map<NameId, size_t> index_;
};

}  // namespace bp::jinja
