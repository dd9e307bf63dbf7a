// How Python cuts texts into pieces. The pieces point into the text.
// Thread-safety: pure functions but for the account of the rendering.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "template/value.h"

namespace bp::jinja {

using Pieces = std::vector<std::string_view>;

// str.split and str.rsplit: at most `limit` cuts, all where negative. REQUIRES: `by` is not empty.
Pieces split_by(Run& run, std::string_view text, std::string_view by, int64_t limit);
Pieces split_by_from_right(Run& run, std::string_view text, std::string_view by, int64_t limit);
// The same at runs of white space, without empty pieces.
Pieces split_spaces(Run& run, std::string_view text, int64_t limit);
Pieces split_spaces_from_right(Run& run, std::string_view text, int64_t limit);
// str.splitlines().
Pieces split_lines(Run& run, std::string_view text, bool keep_ends);

// A list of texts.
Value make_pieces(Run& run, const Pieces& pieces, bool safe = false);

}  // namespace bp::jinja
