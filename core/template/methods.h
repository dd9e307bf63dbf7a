// The methods of values that templates may call.
// Thread-safety: pure functions but for the account of the rendering, whose error they set.
#pragma once

#include <string_view>

#include "template/arguments.h"
#include "template/value.h"

namespace bp::jinja {

bool has_method(const Value& of, std::string_view name);
// A method of Python that would change the value.
bool is_mutating_method(const Value& of, std::string_view name);
// REQUIRES: has_method(self, name).
Value call_method(Run& run, const Value& self, std::string_view name, const Arguments& arguments);

}  // namespace bp::jinja
