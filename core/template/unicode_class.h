// What kind of character a code point is, as Python's str.is…() and repr() ask.
// Thread-safety: pure functions.
#pragma once

namespace bp::jinja {

// str.isspace() of one character.
bool is_space(char32_t c);
// What repr() writes as it is.
bool is_printable(char32_t c);
bool is_letter(char32_t c);
bool is_decimal(char32_t c);
// Decimals, and those inside of circles and the like.
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
inline bool is_cased(char32_t c) { return is_upper(c) || is_lower(c) || is_title(c); }
// What stands between a letter and the next without ending the word: marks, apostrophes, full stops.
bool is_case_ignorable(char32_t c);
bool may_start_identifier(char32_t c);
bool may_continue_identifier(char32_t c);

}  // namespace bp::jinja
