#include "tokenizer/detokenizer.h"

namespace bp {

std::string Detokenizer::push(TokenId id) {
  std::string text;
  tokenizer_->decode_next(id, skip_special_, state_, text);
  return text;
}

std::string Detokenizer::flush() {
  std::string text;
  tokenizer_->decode_end(state_, text);
  return text;
}

}  // namespace bp
