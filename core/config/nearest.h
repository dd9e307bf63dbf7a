// The word that was probably meant. Thread-safety: free functions on values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bp {

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment) that turn `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b);

// Of `known`, the one nearest to `word`; nullopt where none is near. The same name in another section is near.
std::optional<std::string> nearest_key(std::string_view word, std::span<const std::string> known);

}  // namespace bp
