// jinja2's filters, and the tojson of transformers.
// Thread-safety: pure functions but for the account of the rendering, whose error they set.
#pragma once

#include <string_view>

#include "template/arguments.h"
#include "template/value.h"

namespace bp::jinja {

// Fails the rendering where no filter has that name.
Value apply_filter(Run& run, std::string_view name, const Value& value, const Arguments& arguments);
// jinja2's tests: value is name(arguments).
bool apply_test(Run& run, std::string_view name, const Value& value, const Arguments& arguments);

using Filter = Value (*)(Run& run, const Value& value, const Arguments& arguments);
// Null where the name is not theirs.
Filter find_text_filter(std::string_view name);
Filter find_number_filter(std::string_view name);
Filter find_sequence_filter(std::string_view name);

}  // namespace bp::jinja
