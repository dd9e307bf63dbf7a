// Finds tokens that match as whole strings ("<|im_start|>") in a text, before it is cut into pre-tokens: the leftmost
// first, of those the longest, in time linear in the text (an Aho-Corasick automaton over the reversed strings).
// Thread-safety: immutable after construction.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace bp {

class AddedTokenMatcher {
 public:
  struct Match {
    size_t begin;
    size_t end;
    TokenId id;
  };

  AddedTokenMatcher() = default;
  // Tokens without text are left out.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  // In order, none overlapping.
  std::vector<Match> find(std::string_view text) const;
  bool empty() const { return tokens_.empty(); }

 private:
  using Node = uint32_t;
  static constexpr uint32_t kNone = ~uint32_t{0};
  struct Edge {
    uint64_t key = ~uint64_t{0};  // node << 8 | byte
    Node to = 0;
  };

  void insert(uint32_t token);
  void link();
  void grow_edges();
  const Node* find_edge(Node from, unsigned char byte) const;
  void add_edge(Node from, unsigned char byte, Node to);
  Node step(Node from, unsigned char byte) const;
  std::vector<std::pair<size_t, uint32_t>> starts(std::string_view text) const;
  void accept(std::string_view text, size_t begin, const AddedToken& token, std::vector<Match>& matches) const;

  std::vector<AddedToken> tokens_;
  std::array<Node, 256> root_{};  // edges of the root; 0 where there is none
  std::vector<Edge> edges_;       // of the other nodes: open addressing, a power of two
  size_t n_edges_ = 0;
  std::vector<Node> fail_;                               // the longest proper suffix that is a node
  std::vector<uint32_t> terminal_;                       // the longest token that is a suffix of the node, or kNone
  std::vector<std::pair<Node, unsigned char>> parents_;  // while building
};

}  // namespace bp
