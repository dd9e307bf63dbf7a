// Which variables of a block have no value before the block sets them, though one outside has that name. In jinja2 a
// block that sets a name without having read it owns the name from its beginning on: what is inside of the block and
// reads it earlier sees nothing.
// Thread-safety: free functions.
#pragma once

#include "template/ast.h"

namespace bp::jinja {

// Fills in Template::unset and Statement::unset.
void find_unset_names(Template& source);

}  // namespace bp::jinja
