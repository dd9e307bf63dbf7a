// The tokens of a vocabulary: bytes and type of each id, and the id of a byte string.
// Thread-safety: immutable after construction.
// Invariant: size() ids from 0 on; key_bytes are what byte-level merges see, piece_bytes what a token decodes to. They
// differ for added tokens alone, which are written as they are and not in the byte alphabet.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/vocabulary.h"

namespace bp {

class TokenTable {
 public:
  static constexpr size_t kMaxTokens = size_t{1} << 24;

  // Errors: kRefused where the number of types and tokens differ, or there are none, or absurdly many.
  static Result<TokenTable> create(const std::vector<std::string>& tokens, std::span<const TokenType> types,
                                   std::string_view where);

  size_t size() const { return spans_.size(); }
  bool has(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < spans_.size(); }
  // REQUIRES: has(id).
  std::string_view piece_bytes(TokenId id) const;
  std::string_view key_bytes(TokenId id) const;
  TokenType type(TokenId id) const { return types_[static_cast<size_t>(id)]; }

  // The token whose merges-side bytes are `bytes`: of several, the last.
  std::optional<TokenId> find_bytes(std::string_view bytes) const;
  // The token written `text` in the vocabulary file.
  std::optional<TokenId> find_text(std::string_view text) const;
  size_t longest_key() const { return longest_key_; }

 private:
  struct Span {
    uint64_t key_begin;
    uint32_t key_size;
    uint32_t piece_size;  // follows the key where it differs from it, else kSame
  };
  // A key of up to eight bytes is compared within the slot: look-ups are bound by cache misses.
  struct Slot {
    uint64_t head = 0;  // the first eight bytes, padded with zeros
    uint32_t tag = 0;   // 24 bits of the hash; the size, 255 for more
    TokenId id = -1;
  };
  static constexpr uint32_t kSame = ~uint32_t{0};

  void add(const std::string& text, TokenType type, std::string& scratch);
  void index();
  // The slot of `key`, or the empty one where it would go.
  size_t slot_of(const std::vector<Slot>& slots, std::string_view key, Slot& wanted) const;
  std::optional<TokenId> find_key(const std::vector<Slot>& slots, std::string_view key) const;

  std::string blob_;
  std::vector<Span> spans_;
  std::vector<TokenType> types_;
  std::vector<bool> in_alphabet_;
  std::vector<Slot> by_key_;   // open addressing, a power of two
  std::vector<Slot> by_text_;  // the few tokens that are not written in the byte alphabet
  size_t longest_key_ = 0;
};

}  // namespace bp
