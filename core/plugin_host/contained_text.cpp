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

namespace {

// Bytes of the character at the start of `text`; 0: a control character, or no UTF-8 (RFC 3629).
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  const size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and numbers past the last character.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return n;
}

}  // namespace

std::string printable(const char* text, size_t max_bytes) {
  if (text == nullptr) return {};
  std::string out(text, ::strnlen(text, max_bytes));
  for (size_t at = 0; at < out.size();) {
    const size_t n = character_bytes(std::string_view(out).substr(at));
    if (n == 0) out[at] = '?';
    at += std::max<size_t>(n, 1);
  }
  return out;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-.:@+").find(c) != std::string_view::npos;
  });
}

}  // namespace bp
