// What Unicode says of a code point. With normal_form.cpp the only files of this module that see libutf8proc.
// Thread-safety: pure functions over tables built once.
#pragma once

#include <cstdint>
#include <string_view>

namespace bp::unicode {

// The class of a code point: a set of one general category, and kSpace (the White_Space property).
using ClassSet = uint32_t;
inline constexpr ClassSet kUppercase = 1u << 1, kLowercase = 1u << 2, kTitlecase = 1u << 3;
inline constexpr ClassSet kModifierLetter = 1u << 4, kOtherLetter = 1u << 5;
inline constexpr ClassSet kLetter = kUppercase | kLowercase | kTitlecase | kModifierLetter | kOtherLetter;
inline constexpr ClassSet kMark = 1u << 6 | 1u << 7 | 1u << 8;
inline constexpr ClassSet kNumber = 1u << 9 | 1u << 10 | 1u << 11;
inline constexpr ClassSet kPunctuation = 0x7Fu << 12;
inline constexpr ClassSet kSymbol = 0xFu << 19;
inline constexpr ClassSet kNonspacingMark = 1u << 6;
inline constexpr ClassSet kDecimal = 1u << 9, kLetterNumber = 1u << 10;
inline constexpr ClassSet kConnector = 1u << 12;
inline constexpr ClassSet kOther = 0xFu << 26;  // control, format, surrogate, private
inline constexpr ClassSet kSpace = 1u << 31;

ClassSet class_of(char32_t code_point);

struct Char {
  char32_t code_point;
  uint32_t n_bytes;
  ClassSet set;

  bool is(ClassSet any_of) const { return (set & any_of) != 0; }
};

// The code point at `at`, U+FFFD where the bytes are no UTF-8. REQUIRES: at < text.size().
Char char_at(std::string_view text, size_t at);

// What regular expressions call \w: alphabetic, marks, decimal numbers, connectors, joiners.
bool is_word(const Char& c);

// Where the character that ends at `end` begins. REQUIRES: 0 < end <= text.size().
size_t last_char_begin(std::string_view text, size_t end);

// The simple mapping: one code point.
char32_t to_lower(char32_t code_point);

// The end of the grapheme cluster (what a reader takes for one character) that starts at `at`. REQUIRES: at < size.
size_t grapheme_end(std::string_view text, size_t at);

}  // namespace bp::unicode
