// Byte strings and the ids they stand for, walked a byte at a time: which entries does a text begin with.
// Thread-safety: immutable once built.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace bp {

class ByteTrie {
 public:
  using Node = uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = ~Node{0};

  ByteTrie();
  // Of two equal keys the last counts. Empty keys are ignored.
  void insert(std::string_view key, TokenId id);

  // The node `byte` leads to, or kNone.
  Node step(Node from, unsigned char byte) const {
    if (from == kRoot) return root_[byte];
    const uint64_t key = key_of(from, byte);
    for (size_t at = slot_of(key);; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].to;
      if (slots_[at].key == kEmpty) return kNone;
    }
  }
  // The entry that ends at `node`, or -1.
  TokenId id(Node node) const { return ids_[node]; }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Node to = 0;
  };

  static uint64_t key_of(Node from, unsigned char byte) { return uint64_t{from} << 8 | byte; }
  size_t slot_of(uint64_t key) const { return (key * 0x9E3779B97F4A7C15ull >> 24) & mask_; }
  void add(uint64_t key, Node to);

  std::vector<Node> root_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  size_t mask_ = 0;
  size_t n_edges_ = 0;
  std::vector<TokenId> ids_;
};

}  // namespace bp
