// WordPiece: each word as its longest tokens from left to right, and as the unknown token where that fails. Also the
// plain look-up of whole words (Hugging Face's WordLevel), which is the same without parts.
// Thread-safety: encode() is const and may be called from several threads at once.
#pragma once

#include <optional>
#include <string>

#include "tokenizer/byte_trie.h"
#include "tokenizer/model.h"
#include "tokenizer/token_table.h"

namespace bp {

struct WordPieceOptions {
  std::string begin_prefix = {};       // of tokens that begin a word: "\u2581" in GGUF
  std::string continue_prefix = "##";  // of tokens inside a word; empty in GGUF
  size_t max_chars = 100;              // a longer word is unknown
  bool whole_words_only = false;
  std::optional<TokenId> unknown = std::nullopt;  // without it such words are dropped
};

class WordPiece final : public TokenModel {
 public:
  // REQUIRES: `tokens` lives as long as this.
  WordPiece(const TokenTable& tokens, WordPieceOptions options);

  void encode(const PreTokens& tokens, std::vector<TokenId>& out) const override;

 private:
  bool encode_word(std::string_view word, std::vector<TokenId>& out) const;

  WordPieceOptions options_;
  ByteTrie begins_;
  ByteTrie continues_;
};

}  // namespace bp
