// (left id, right id) → (rank, merged id): the merges of byte-pair encoding, in one flat table.
// Thread-safety: immutable after construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/token_table.h"

namespace bp {

struct Merge {
  uint32_t rank;
  TokenId merged;
};

class MergeTable {
 public:
  // Merges that name unknown tokens are left out: no text can need them. A pair named twice has its last rank.
  // `word_prefix` is not repeated in what a merge gives: "un" and "##do" make "undo".
  MergeTable(const TokenTable& tokens, const std::vector<std::string>& merges, std::string_view word_prefix = {});

  // Null where the two do not merge.
  const Merge* find(TokenId left, TokenId right) const {
    const uint64_t key = key_of(left, right);
    for (size_t at = slot_of(key);; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return &slots_[at].merge;
      if (slots_[at].key == kEmpty) return nullptr;
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge{};
  };

  static uint64_t key_of(TokenId left, TokenId right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t slot_of(uint64_t key) const { return (key * 0x9E3779B97F4A7C15ull >> 24) & mask_; }
  void insert(TokenId left, TokenId right, Merge merge);

  std::vector<Slot> slots_;  // a power of two, at most two thirds full
  size_t mask_ = 0;
};

}  // namespace bp
