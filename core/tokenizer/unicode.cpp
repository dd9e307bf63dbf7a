#include "tokenizer/unicode.h"

#include <utf8proc.h>

#include <array>

#include "tokenizer/utf8.h"

namespace bp::unicode {
namespace {

static_assert(kUppercase == 1u << UTF8PROC_CATEGORY_LU && kOtherLetter == 1u << UTF8PROC_CATEGORY_LO &&
              kMark == (1u << UTF8PROC_CATEGORY_MN | 1u << UTF8PROC_CATEGORY_MC | 1u << UTF8PROC_CATEGORY_ME) &&
              (kNumber & 1u << UTF8PROC_CATEGORY_NO) != 0 && (kPunctuation & 1u << UTF8PROC_CATEGORY_PC) != 0 &&
              (kPunctuation & 1u << UTF8PROC_CATEGORY_PO) != 0 && kConnector == 1u << UTF8PROC_CATEGORY_PC &&
              kNonspacingMark == 1u << UTF8PROC_CATEGORY_MN && kDecimal == 1u << UTF8PROC_CATEGORY_ND &&
              (kOther & 1u << UTF8PROC_CATEGORY_CC) != 0 && (kOther & 1u << UTF8PROC_CATEGORY_CO) != 0 &&
              (kSymbol & 1u << UTF8PROC_CATEGORY_SM) != 0 && (kSymbol & 1u << UTF8PROC_CATEGORY_SO) != 0);

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

ClassSet look_up(char32_t c) {
  const auto category = static_cast<uint32_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)));
  return 1u << category | (is_white_space(c) ? kSpace : 0);
}

constexpr size_t kTableSize = 0x10000;

// The basic plane, where nearly all text lies: one byte each, the category and the white space flag.
const std::array<uint8_t, kTableSize>& basic_plane() {
  static const std::array<uint8_t, kTableSize> table = [] {
    std::array<uint8_t, kTableSize> t{};
    for (char32_t c = 0; c < kTableSize; ++c) {
      const auto category = static_cast<uint32_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)));
      t[c] = static_cast<uint8_t>(category | (is_white_space(c) ? 0x80u : 0u));
    }
    return t;
  }();
  return table;
}

}  // namespace

ClassSet class_of(char32_t code_point) {
  if (code_point >= kTableSize) return look_up(code_point);
  const uint8_t entry = basic_plane()[code_point];
  return 1u << (entry & 0x1F) | (entry & 0x80 ? kSpace : 0);
}

Char char_at(std::string_view text, size_t at) {
  const utf8::Step step = utf8::next(text, at);
  return {step.code_point, step.n_bytes, class_of(step.code_point)};
}

bool is_word(const Char& c) {
  const char32_t p = c.code_point;
  return c.is(kLetter | kMark | kDecimal | kLetterNumber | kConnector) || p == 0x200C || p == 0x200D ||
         (p >= 0x24B6 && p <= 0x24E9) || (p >= 0x1F130 && p <= 0x1F149) || (p >= 0x1F150 && p <= 0x1F169) ||
         (p >= 0x1F170 && p <= 0x1F189);
}

size_t last_char_begin(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin;
}

char32_t to_lower(char32_t code_point) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)));
}

size_t grapheme_end(std::string_view text, size_t at) {
  utf8::Step step = utf8::next(text, at);
  size_t end = at + step.n_bytes;
  utf8proc_int32_t state = 0;
  while (end < text.size()) {
    const utf8::Step following = utf8::next(text, end);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(step.code_point),
                                         static_cast<utf8proc_int32_t>(following.code_point), &state)) {
      break;
    }
    end += following.n_bytes;
    step = following;
  }
  return end;
}

}  // namespace bp::unicode
