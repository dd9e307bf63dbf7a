// What turns pre-tokens into ids: one subclass per kind of vocabulary.
// Thread-safety: encode() is const and may be called from several threads at once.
#pragma once

#include <vector>

#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/vocabulary.h"

namespace bp {

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the ids of the pieces, one after the other.
  virtual void encode(const PreTokens& tokens, std::vector<TokenId>& out) const = 0;
};

inline std::string_view piece_text(const PreTokens& tokens, const TextRange& piece) {
  return tokens.text.substr(piece.begin, piece.end - piece.begin);
}

}  // namespace bp
