// The methods of texts, lists and dictionaries that templates may call.
// Thread-safety: pure functions but for the account of the rendering, whose error they set.
#pragma once

#include <string_view>

#include "template/arguments.h"
#include "template/value.h"

namespace bp::jinja {

bool has_method(const Value& of, std::string_view name);
// A method of Python that would change the value.
bool is_mutating_method(const Value& of, std::string_view name);
// REQUIRES: has_method(method.self, method.name).
Value call_method(Run& run, const Method& method, const Arguments& arguments);

// text.replace(from, to, at most `count` times, all where negative).
std::string replace_all(Run& run, std::string_view text, std::string_view from, std::string_view to, int64_t count);
Values split_lines(Run& run, std::string_view text, bool keep_ends);

}  // namespace bp::jinja
