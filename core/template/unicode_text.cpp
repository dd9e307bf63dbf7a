#include "template/unicode_text.h"

#include "template/unicode_class.h"

namespace bp::jinja {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

size_t char_bytes(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t n = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
  if (n == 1 || at + n > text.size()) return 1;
  for (size_t i = 1; i < n; ++i) {
    if (!is_continuation(text[at + i])) return 1;
  }
  return n;
}

char32_t char_at(std::string_view text, size_t at) {
  const size_t n = char_bytes(text, at);
  const auto lead = static_cast<unsigned char>(text[at]);
  if (n == 1) return lead;
  char32_t c = lead & (0x7Fu >> n);
  for (size_t i = 1; i < n; ++i) c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
  return c;
}

size_t count_chars(std::string_view text) {
  size_t n = 0;
  for (size_t at = 0; at < text.size(); ++n)
    at += static_cast<unsigned char>(text[at]) < 0x80 ? 1 : char_bytes(text, at);
  return n;
}

size_t byte_of_char(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += char_bytes(text, at);
  return at;
}

void append_char(std::string& out, char32_t code_point) {
  const auto c = static_cast<uint32_t>(code_point);
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xE0 | c >> 12);
    } else {
      put(0xF0 | (c >> 18 & 7));
      put(0x80 | (c >> 12 & 0x3F));
    }
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

std::string_view strip(std::string_view text, const std::string_view* chars, bool left, bool right) {
  const auto goes = [&](size_t at, size_t n) {
    return chars == nullptr ? is_space(char_at(text, at)) : chars->find(text.substr(at, n)) != std::string_view::npos;
  };
  size_t begin = 0;
  while (left && begin < text.size()) {
    const size_t n = char_bytes(text, begin);
    if (!goes(begin, n)) break;
    begin += n;
  }
  size_t end = text.size();
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && end - last < 4 && is_continuation(text[last])) --last;
    if (last + char_bytes(text, last) != end) last = end - 1;
    if (!goes(last, end - last)) break;
    end = last;
  }
  return text.substr(begin, end - begin);
}

}  // namespace bp::jinja
