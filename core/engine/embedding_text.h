// Texts as an encoder reads them: tokens with what the model adds around them, no more than it takes.
// Thread-safe: a pure function.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace bp {

struct EmbeddingInput {
  std::vector<TokenId> tokens;
  size_t n_left_out = 0;  // tokens at the end of the text that did not fit
};

// What the model adds stays whole: of "[CLS] text [SEP]" the text's end is left out. Special tokens in the text are
// parsed, as sentence-transformers does. REQUIRES: max_tokens holds what the model adds and a token more.
EmbeddingInput encode_for_embedding(const Tokenizer& tokenizer, std::string_view text, size_t max_tokens);

}  // namespace bp
