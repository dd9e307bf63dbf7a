// A macro as a value: its definition, and the scope it was defined in.
// Thread-safety: plain values of one rendering.
#pragma once

#include <string>

#include "template/ast.h"

namespace bp::jinja {

class Scope;

struct Macro {
  std::string name;
  const Statement* node;
  Scope* scope;
};

}  // namespace bp::jinja
