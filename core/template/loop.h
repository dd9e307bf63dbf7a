// The `loop` variable of a for loop.
// Not thread-safe: lives in one rendering.
#pragma once

#include <optional>

#include "template/value.h"

namespace bp::jinja {

struct Statement;
class Scope;

struct Loop : Box {
  Value items;  // a list: what is looped over
  size_t index = 0;
  int depth = 1;                         // of recursive loops
  const Statement* recursive = nullptr;  // the loop to call again, where it is recursive
  Scope* scope = nullptr;                // around that loop
  std::optional<Value> last_seen{};      // by changed(); may hold the loop itself, so it goes when the loop ends
  bool has_ended = false;
};

}  // namespace bp::jinja
