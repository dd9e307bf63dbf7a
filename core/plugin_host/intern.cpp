#include "plugin_host/intern.h"

#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "plugin_host/contained_text.h"

namespace bp {
namespace {

constexpr size_t kMaxNameBytes = 128;
// A plugin that interns names in a loop must not eat the host's memory.
constexpr size_t kMaxNames = 65536;

class InternTable {
 public:
  uint32_t find(const std::string& name) const {
    const std::shared_lock lock(mutex_);
    const auto it = numbers_.find(name);
    return it == numbers_.end() ? 0 : it->second;
  }

  uint32_t add(const std::string& name) {
    const std::unique_lock lock(mutex_);
    if (const auto it = numbers_.find(name); it != numbers_.end()) return it->second;
    if (names_.size() >= kMaxNames) return 0;
    names_.push_back(name);
    const uint32_t number = static_cast<uint32_t>(names_.size());
    numbers_.emplace(name, number);
    return number;
  }

  std::string name(uint32_t number) const {
    const std::shared_lock lock(mutex_);
    return number == 0 || number > names_.size() ? std::string() : names_[number - 1];
  }

 private:
  mutable std::shared_mutex mutex_;
  std::vector<std::string> names_;  // number - 1 -> name
  std::unordered_map<std::string, uint32_t> numbers_;
};

InternTable& table() {
  static InternTable the_table;
  return the_table;
}

bool is_well_formed(std::string_view name) { return name.size() <= kMaxNameBytes && is_identifier(name); }

bool is_op(std::string_view name) {
  const std::string_view stem = name.substr(0, name.find('@'));
  return stem.find('.') == std::string_view::npos || stem.starts_with("coll.") || stem.starts_with("kv.");
}

}  // namespace

void intern_ops(std::span<const std::string> ops) {
  for (const std::string& op : ops) {
    BP_CHECK(is_well_formed(op), "op name \"{}\"", op);
    BP_CHECK(table().add(op) != 0, "more than {} names", kMaxNames);
  }
}

uint32_t intern(std::string_view name) {
  if (!is_well_formed(name)) return 0;
  const std::string key(name);
  if (const uint32_t number = table().find(key); number != 0) return number;
  return is_op(name) ? 0 : table().add(key);
}

std::string interned_name(uint32_t number) { return table().name(number); }

}  // namespace bp
