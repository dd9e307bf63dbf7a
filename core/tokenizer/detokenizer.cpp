#include "tokenizer/detokenizer.h"

#include "tokenizer/utf8.h"

namespace bp {

std::string Detokenizer::push(TokenId id) {
  std::string text;
  if (skip_special_ && tokenizer_->is_special(id)) return text;
  pending_ += tokenizer_->piece_bytes(id);
  pending_.erase(0, utf8::append_replacing(text, pending_, true));
  return text;
}

std::string Detokenizer::flush() {
  std::string text;
  utf8::append_replacing(text, pending_, false);
  pending_.clear();
  return text;
}

}  // namespace bp
