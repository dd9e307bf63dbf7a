#include "plugin_host/contained_text.h"

#include <algorithm>
#include <cstring>

namespace bp {

std::optional<std::string_view> bounded_text(const char* text, size_t max_bytes) {
  if (text == nullptr) return std::nullopt;
  const size_t length = ::strnlen(text, max_bytes);
  if (length == max_bytes) return std::nullopt;
  return std::string_view(text, length);
}

std::string printable(const char* text, size_t max_bytes) {
  if (text == nullptr) return {};
  std::string out(text, ::strnlen(text, max_bytes));
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-.:@+").find(c) != std::string_view::npos;
  });
}

}  // namespace bp
