// What is known of a template before it is rendered: which filters and tests its names mean, and what each macro takes.
// Thread-safety: free functions.
#pragma once

#include <string>

#include "template/ast.h"

namespace bp::jinja {

struct UnknownName {
  std::string what;
  int line = 0;
};

// Fills in the filters, the tests, and what macros take. Like jinja2 it refuses a filter or test that does not exist,
// but for those inside of a condition: they fail only where they are reached. Empty `what` where all is well.
UnknownName resolve(Template& source);

}  // namespace bp::jinja
