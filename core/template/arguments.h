// The arguments of a call.
// Thread-safety: plain values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "template/value.h"

namespace bp::jinja {

struct Arguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;

  // By place or by name; null where it is not given.
  const Value* find(size_t place, std::string_view name) const {
    if (place < positional.size()) return &positional[place];
    for (const auto& [key, value] : named) {
      if (key == name) return &value;
    }
    return nullptr;
  }
  // Whether any argument is given that no place or name takes.
  bool has_other_than(size_t n_places, std::initializer_list<std::string_view> names) const {
    if (positional.size() > n_places) return true;
    for (const auto& [key, value] : named) {
      bool known = false;
      for (const auto name : names) known |= key == name;
      if (!known) return true;
    }
    return false;
  }
};

}  // namespace bp::jinja
