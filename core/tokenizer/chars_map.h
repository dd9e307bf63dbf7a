// The normalisation table of SentencePiece (its precompiled charsmap): byte sequences to what replaces them, as a
// double array (darts-clone) and the replacements, each ended by a zero.
// Thread-safety: immutable after creation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bp {

class CharsMap {
 public:
  struct Match {
    size_t n_bytes;  // of the text that is replaced
    std::string_view replacement;
  };

  // `blob`: u32 size of the array in bytes, the array of u32 units, the replacements; little-endian.
  // Errors: kRefused where the sizes contradict each other, or a replacement is absurdly long.
  static Result<CharsMap> create(std::string_view blob, std::string_view where);

  // The longest, or the shortest, entry that `text` begins with.
  std::optional<Match> longest(std::string_view text) const { return find(text, false); }
  std::optional<Match> shortest(std::string_view text) const { return find(text, true); }

 private:
  std::optional<Match> find(std::string_view text, bool first) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace bp
