// The methods of Python's str that templates may call.
// Thread-safety: pure functions but for the account of the rendering, whose error they set.
#pragma once

#include <string_view>

#include "template/arguments.h"
#include "template/value.h"

namespace bp::jinja {

bool has_text_method(std::string_view name);
// REQUIRES: self is a text, has_text_method(name).
Value call_text_method(Run& run, const Value& self, std::string_view name, const Arguments& arguments);

// text.replace(from, to, at most `count` times, all where negative).
std::string replace_all(Run& run, std::string_view text, std::string_view from, std::string_view to, int64_t count);
// The text in the middle of `width` characters, as str.center() does.
std::string centered(Run& run, std::string_view text, int64_t width, std::string_view fill);

}  // namespace bp::jinja
