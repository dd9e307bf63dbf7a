// Text that comes from a plugin or its file: bounded, and safe to print on a terminal. Thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bp {

// The text at `text`, which must end within `max_bytes`, its NUL included; nullopt if it does not, or is null.
std::optional<std::string_view> bounded_text(const char* text, size_t max_bytes);
// `text` up to its NUL or `max_bytes`, with control characters and what is no UTF-8 replaced by '?'. Null gives "".
std::string printable(const char* text, size_t max_bytes);
// Letters, digits and "_-.:@+", not empty: names, ids and keys.
bool is_identifier(std::string_view text);

}  // namespace bp
