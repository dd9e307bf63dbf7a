// Text as Python sees it: by code points. Bytes that are no UTF-8 count as one character each.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bp::jinja {

size_t count_chars(std::string_view text);
// Bytes of the character at `at`. REQUIRES: at < text.size().
size_t char_bytes(std::string_view text, size_t at);
char32_t char_at(std::string_view text, size_t at);
// The byte where character `index` starts; text.size() beyond the end.
size_t byte_of_char(std::string_view text, size_t index);
void append_char(std::string& out, char32_t code_point);

// Without the characters of `chars` (white space where null) at the sides asked for.
std::string_view strip(std::string_view text, const std::string_view* chars, bool left, bool right);

}  // namespace bp::jinja
