// The unigram language model of SentencePiece: of all ways to write a piece as tokens, the one whose scores sum highest
// (Kudo 2018), found from left to right in time linear in the text.
// Thread-safety: encode() is const and may be called from several threads at once.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "tokenizer/byte_trie.h"
#include "tokenizer/model.h"
#include "tokenizer/token_table.h"

namespace bp {

struct UnigramOptions {
  std::optional<TokenId> unknown = std::nullopt;  // without it characters that are no token are dropped
  bool byte_fallback = false;                     // such characters become the tokens of their bytes, where all exist
  // Sums kept as float, user-defined tokens scored by length; Hugging Face's tokenizers keep doubles and the scores.
  bool like_sentence_piece = false;
};

class Unigram final : public TokenModel {
 public:
  // REQUIRES: scores.size() == tokens.size(); `tokens` lives as long as this.
  Unigram(const TokenTable& tokens, std::vector<double> scores, UnigramOptions options);

  void encode(const PreTokens& tokens, std::vector<TokenId>& out) const override;

 private:
  template <class Score>
  struct Best;
  template <class Score>
  void encode_as(const PreTokens& tokens, std::vector<TokenId>& out) const;
  template <class Score>
  void find_best(std::string_view piece, std::vector<Best<Score>>& best) const;
  void emit_unknown(std::string_view bytes, bool after_unknown, std::vector<TokenId>& out) const;

  std::vector<double> scores_;
  double unknown_score_ = 0;
  UnigramOptions options_;
  ByteTrie trie_;
  std::array<TokenId, 256> byte_ids_{};  // -1: no token
};

}  // namespace bp
