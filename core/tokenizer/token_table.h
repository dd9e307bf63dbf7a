// The tokens of a vocabulary: bytes and type of each id, and the id of a byte string.
// Thread-safety: immutable after construction.
// Invariant: size() ids from 0 on; key_bytes are what the model sees in a text, piece_bytes what a token decodes to.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/vocabulary.h"

namespace bp {

// How a vocabulary file writes its tokens.
enum class TokenForm {
  kByteAlphabet,  // bytes in the alphabet of byte-level BPE; added tokens as they are
  kText,          // text
  kMarkedText,    // text with U+2581 for spaces, and byte tokens "<0x41>"
};

// The byte that the token "<0x41>" stands for, or -1.
int byte_of_token(std::string_view text);

class TokenTable {
 public:
  static constexpr size_t kMaxTokens = size_t{1} << 24;
  static constexpr size_t kMaxTokenBytes = 4096;  // what searching a text for tokens may cost per character

  // Errors: kRefused where the number of types and tokens differ, or there are none, or absurdly many, or absurdly long
  // ones.
  static Result<TokenTable> create(const std::vector<std::string>& tokens, std::span<const TokenType> types,
                                   TokenForm form, std::string_view where);

  size_t size() const { return spans_.size(); }
  bool has(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < spans_.size(); }
  // REQUIRES: has(id).
  std::string_view piece_bytes(TokenId id) const;
  std::string_view key_bytes(TokenId id) const;
  // Whether the model may find this token in a text; control, unknown and byte tokens are not text.
  bool is_text(TokenId id) const { return is_text_[static_cast<size_t>(id)]; }
  // The token "<0x41>" of a byte, or -1.
  TokenId byte_token(unsigned char byte) const;
  // The key of a token that the file writes `text`; false where it can be none.
  bool key_of_text(std::string_view text, std::string& key) const;
  TokenForm form() const { return form_; }
  TokenType type(TokenId id) const { return types_[static_cast<size_t>(id)]; }

  // The text token whose key is `bytes`: of several, the last.
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
  void add_piece(std::string_view text, TokenType type, Span& span);
  void index();
  // The slot of `key`, or the empty one where it would go.
  size_t slot_of(const std::vector<Slot>& slots, std::string_view key, Slot& wanted) const;
  std::optional<TokenId> find_key(const std::vector<Slot>& slots, std::string_view key) const;

  std::string blob_;
  std::vector<Span> spans_;
  std::vector<TokenType> types_;
  std::vector<bool> is_text_;
  std::vector<Slot> by_key_;   // open addressing, a power of two
  std::vector<Slot> by_text_;  // the few others
  size_t longest_key_ = 0;
  TokenForm form_ = TokenForm::kText;
};

}  // namespace bp
