// Byte-level byte-pair encoding: each pre-token starts as single bytes, and the pair of lowest rank merges until none
// is left.
// Thread-safety: encode() is const and may be called from several threads at once.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "tokenizer/bpe_merge.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/model.h"
#include "tokenizer/token_table.h"
#include "tokenizer/whole_tokens.h"

namespace bp {

struct ByteLevelBpeOptions {
  bool ignore_merges = false;                     // a pre-token that is a token is taken whole
  std::optional<TokenId> unknown = std::nullopt;  // for a byte that is no token; without it such a byte is dropped
};

class ByteLevelBpe final : public TokenModel {
 public:
  // REQUIRES: `tokens` lives as long as this.
  ByteLevelBpe(const TokenTable& tokens, const std::vector<std::string>& merges, ByteLevelBpeOptions options);

  void encode(const PreTokens& tokens, std::vector<TokenId>& out) const override;

 private:
  void encode_piece(std::string_view piece, BpeMerger<TokenId>& merger, std::vector<TokenId>& out) const;
  void merge_bytes(std::string_view piece, BpeMerger<TokenId>& merger, std::vector<TokenId>& out) const;

  const TokenTable& tokens_;
  MergeTable merges_;
  ByteLevelBpeOptions options_;
  std::array<TokenId, 256> byte_ids_;  // -1: no token
  std::vector<Merge> byte_merges_;     // of two bytes, first << 8 | second; empty where a byte is no token
  WholeTokens whole_;
};

}  // namespace bp
