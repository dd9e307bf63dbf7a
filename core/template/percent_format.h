// Python's two formatting languages, as far as templates go: "%s of %d" and "{} of {0:>5}".
// Thread-safety: pure functions but for the account of the rendering, whose error they set.
#pragma once

#include <string>
#include <string_view>

#include "template/arguments.h"
#include "template/value.h"

namespace bp::jinja {

// text % values, `values` being one value, a tuple or a dictionary.
std::string percent_format(Run& run, std::string_view text, const Value& values);
// text.format(…): fields by place and by name, with attributes, items, conversions and format specifications.
std::string brace_format(Run& run, std::string_view text, const Arguments& arguments);

}  // namespace bp::jinja
