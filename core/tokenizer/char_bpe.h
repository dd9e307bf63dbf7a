// Byte-pair encoding over characters, as SentencePiece and Hugging Face's BPE without byte-level do it: a piece starts
// as its characters; those that are no token fall back to byte tokens or become the unknown token.
// Thread-safety: encode() is const and may be called from several threads at once.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/bpe_merge.h"
#include "tokenizer/char_pairs.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/model.h"
#include "tokenizer/token_table.h"
#include "tokenizer/whole_tokens.h"

namespace bp {

struct CharBpeOptions {
  bool ignore_merges = false;  // a piece that is a token is taken whole
  bool byte_fallback = false;  // a character that is no token becomes the tokens of its bytes, where all exist
  bool fuse_unknown = false;   // unknown characters in a row are one unknown token
  std::optional<TokenId> unknown = std::nullopt;   // without it unknown characters are dropped
  std::string word_prefix = {}, word_suffix = {};  // of the symbols inside a word ("##"), of its last one ("</w>")
  bool newline_runs_whole = false;                 // a piece of line ends that is a token is taken whole
};

class CharBpe final : public TokenModel {
 public:
  // Merges by rank, the first of `merges` has the lowest. REQUIRES: `tokens` lives as long as this.
  CharBpe(const TokenTable& tokens, const std::vector<std::string>& merges, CharBpeOptions options);
  // Any two neighbours merge that are a token together, the one of the highest score first.
  // REQUIRES: scores.size() == tokens.size(); `tokens` lives as long as this.
  CharBpe(const TokenTable& tokens, std::vector<float> scores, CharBpeOptions options);

  void encode(const PreTokens& tokens, std::vector<TokenId>& out) const override;

 private:
  struct Symbol {
    uint32_t begin;
    uint32_t end;
    TokenId id;  // -1: no token
  };
  struct Run;

  void prepare();
  Merge find_merge(std::string_view piece, const Symbol& left, const Symbol& right) const;
  void encode_piece(Run& run) const;
  void encode_chunk(Run& run, size_t begin, size_t end) const;
  void merge_chunk(Run& run, size_t begin, size_t end) const;
  void add_symbols(Run& run, size_t begin, size_t end) const;
  TokenId char_token(const Run& run, size_t begin, size_t end) const;
  void emit(Run& run, const Symbol& symbol) const;
  void emit_unknown(Run& run, std::string_view bytes) const;
  bool has_affixes() const { return !options_.word_prefix.empty() || !options_.word_suffix.empty(); }

  const TokenTable& tokens_;
  std::unique_ptr<const MergeTable> merges_;  // by rank
  std::vector<uint32_t> ranks_;               // by score
  CharBpeOptions options_;
  std::array<TokenId, 256> byte_ids_{};  // -1: no token
  CharPairs pairs_;
  WholeTokens whole_;
};

}  // namespace bp
