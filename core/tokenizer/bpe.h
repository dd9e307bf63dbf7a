// Byte-level byte-pair encoding: text is cut into pre-tokens, each starts as single bytes, and the pair of lowest rank
// merges until none is left.
// Thread-safety: encode() is const and may be called from several threads at once.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "tokenizer/merge_table.h"
#include "tokenizer/model.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/token_table.h"

namespace bp {

struct BpeOptions {
  bool ignore_merges = false;                     // a pre-token that is a token is taken whole
  bool prefix_space = false;                      // a text that does not start with a space gets one
  std::optional<TokenId> unknown = std::nullopt;  // for a byte that is no token; without it such a byte is dropped
};

class ByteLevelBpe final : public TokenModel {
 public:
  // REQUIRES: `tokens` lives as long as this.
  ByteLevelBpe(const TokenTable& tokens, const std::vector<std::string>& merges, PreTokenizer pre_tokenizer,
               BpeOptions options);

  void encode(std::string_view text, std::vector<TokenId>& out) const override;

 private:
  // Whether merging the bytes of a token gives that token back; found out on first use.
  enum class Whole : uint8_t { kNotKnown, kYes, kNo };
  struct Symbols;

  void encode_pieces(std::string_view text, std::vector<TokenId>& out) const;
  void encode_piece(std::string_view piece, Symbols& symbols, std::vector<TokenId>& out) const;
  void merge_bytes(std::string_view piece, Symbols& symbols, std::vector<TokenId>& out) const;
  void merge_short(Symbols& symbols, std::vector<TokenId>& out) const;
  void merge_long(Symbols& symbols, std::vector<TokenId>& out) const;

  const TokenTable& tokens_;
  MergeTable merges_;
  PreTokenizer pre_tokenizer_;
  BpeOptions options_;
  std::array<TokenId, 256> byte_ids_;  // -1: no token
  std::unique_ptr<std::atomic<Whole>[]> whole_;
};

}  // namespace bp
