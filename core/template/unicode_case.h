// Upper, lower and title case as Python's str has them: Unicode's full mappings. With unicode_class.cpp the only files
// of this module that see libutf8proc. Bytes that are no UTF-8 stay.
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace bp::jinja {

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string case_folded(std::string_view text);
std::string swapped_case(std::string_view text);
// The first character in title case, the others in lower case.
std::string capitalized(std::string_view text);
// str.title(): each run of letters is capitalized.
std::string titled(std::string_view text);

}  // namespace bp::jinja
