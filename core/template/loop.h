// The `loop` variable of a for loop.
// Not thread-safe: lives in one rendering.
#pragma once

#include "template/value.h"

namespace bp::jinja {

struct Statement;
class Scope;

struct Loop {
  Value items;  // a list: what is looped over
  size_t index = 0;
  int depth = 1;                         // of recursive loops
  const Statement* recursive = nullptr;  // the loop to call again, where it is recursive
  Scope* scope = nullptr;                // around that loop
};

}  // namespace bp::jinja
