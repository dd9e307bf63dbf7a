// What Python's operators do with values, and jinja2's look-up of attributes and items in its sandbox.
// Thread-safety: pure functions but for the account of the rendering, whose error they set.
#pragma once

#include <optional>
#include <string_view>

#include "template/ast.h"
#include "template/value.h"

namespace bp::jinja {

// REQUIRES: op is arithmetic (kAdd … kPower).
Value arithmetic(Run& run, Op op, const Value& a, const Value& b);
// REQUIRES: op is a comparison (kEqual … kNotIn).
bool compare(Run& run, Op op, const Value& a, const Value& b);
bool equal(Run& run, const Value& a, const Value& b);
bool less(Run& run, const Value& a, const Value& b);
bool contains(Run& run, const Value& in, const Value& item);
// Null where the dictionary has no such key.
const Value* find_key(Run& run, const Dict& dict, const Value& key);
// Fails the rendering where `key` is no key for a dictionary: a list, or what holds one.
bool check_hashable(Run& run, const Value& key);
Value negate(Run& run, const Value& value);

Value get_attribute(Run& run, const Value& of, std::string_view name);
Value get_item(Run& run, const Value& of, const Value& key);
Value get_slice(Run& run, const Value& of, const Value& start, const Value& stop, const Value& step);
// "a.b.0": attributes and indices, one after the other.
Value get_path(Run& run, const Value& of, const Value& path);

// What a for loop goes over. Fails the rendering where `value` cannot be iterated.
Values iterate(Run& run, const Value& value);
// len(); fails the rendering where there is none.
int64_t length(Run& run, const Value& value);
// Fails the rendering as using an undefined value does.
void fail_undefined(Run& run, const Value& value);

}  // namespace bp::jinja
