#include "template/unicode_text.h"

#include <algorithm>

namespace bp::jinja {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Simple case mapping of the Latin-1, Latin Extended-A, Greek and Cyrillic letters; other scripts stay.
char32_t lower_char(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if (c == 0x178) return 0xFF;
  if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
  if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

char32_t upper_char(char32_t c) {
  if (c >= 'a' && c <= 'z') return c - 32;
  if (c == 0xB5) return 0x39C;
  if (c >= 0xE0 && c <= 0xFE && c != 0xF7) return c - 32;
  if (c == 0xFF) return 0x178;
  if (c == 0x131) return 'I';
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c & ~char32_t{1};
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c - (c & 1 ? 0 : 1);
  if (c == 0x3C2) return 0x3A3;
  if (c >= 0x3B1 && c <= 0x3C9) return c - 32;
  if (c >= 0x430 && c <= 0x44F) return c - 32;
  if (c >= 0x450 && c <= 0x45F) return c - 80;
  return c;
}

template <class Map>
std::string map_chars(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t n = char_bytes(text, at);
    if (n == 1 && static_cast<unsigned char>(text[at]) >= 0x80) {
      out += text[at];
    } else {
      map(out, char_at(text, at));
    }
    at += n;
  }
  return out;
}

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

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD) return false;
  if (c > 0x20 && is_space(c)) return false;
  const bool format = (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
                      c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || c == 0x061C || c == 0x180E;
  const bool none = (c >= 0xD800 && c <= 0xF8FF) || (c & 0xFFFE) == 0xFFFE || c >= 0xE0000;
  return !format && !none;
}

std::string upper(std::string_view text) {
  return map_chars(text, [](std::string& out, char32_t c) {
    if (c == 0xDF) {
      out += "SS";
    } else {
      append_char(out, upper_char(c));
    }
  });
}

std::string lower(std::string_view text) {
  return map_chars(text, [](std::string& out, char32_t c) {
    if (c == 0x130) {
      out += "i\u0307";
    } else {
      append_char(out, lower_char(c));
    }
  });
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
