// What must hold of every tokenizer that could be made, whatever the file and the text.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "tokenizer/detokenizer.h"
#include "tokenizer/tokenizer.h"

namespace bp::fuzz {

// Ids are in range; a stream gives what decoding at once does.
inline void check(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    const auto ids = tokenizer.encode(text, {.add_special = special, .parse_special = special});
    Detokenizer detokenizer(tokenizer, false);
    std::string streamed;
    for (const TokenId id : ids) {
      if (id < 0 || static_cast<size_t>(id) >= tokenizer.size()) std::abort();
      streamed += detokenizer.push(id);
    }
    streamed += detokenizer.flush();
    if (streamed != tokenizer.decode(ids, false)) std::abort();
  }
}

inline constexpr std::string_view kText =
    "ab <tool> 12 \xC3\xA9 e\xCC\x81 \xE4\xB8\xAD\xE6\x96\x87  \xF0\x9F\xA6\x99\n\t don't <s>\xff [MASK]";

}  // namespace bp::fuzz
