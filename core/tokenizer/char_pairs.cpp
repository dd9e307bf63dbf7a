#include "tokenizer/char_pairs.h"

#include "tokenizer/utf8.h"

namespace bp {

void CharPairs::add(std::string_view token) {
  char32_t left = 0;
  for (size_t at = 0; at < token.size();) {
    const utf8::Step step = utf8::next(token, at);
    if (at > 0) {
      const uint64_t bit = bit_of(left, step.code_point);
      bits_[bit / 64] |= uint64_t{1} << (bit % 64);
    }
    left = step.code_point;
    at += step.n_bytes;
  }
}

}  // namespace bp
