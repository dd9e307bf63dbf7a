// Reads a template into its syntax tree: jinja2's grammar without template inheritance, imports and blocks, with the
// loop controls and the generation tag that transformers adds.
// Thread-safety: pure function.
#pragma once

#include <string_view>

#include "base/result.h"
#include "template/ast.h"

namespace bp::jinja {

// Errors: kRefused with `where` and the line.
Result<Template> parse_template(std::string_view source, std::string_view where);

}  // namespace bp::jinja
