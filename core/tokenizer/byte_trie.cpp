#include "tokenizer/byte_trie.h"

namespace bp {

ByteTrie::ByteTrie() : root_(256, kNone), slots_(1024), mask_(1023), ids_(1, -1) {}

void ByteTrie::add(uint64_t key, Node to) {
  if (2 * (n_edges_ + 1) > slots_.size()) {
    std::vector<Slot> old(slots_.size() * 4);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    n_edges_ = 0;
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) add(slot.key, slot.to);
    }
  }
  size_t at = slot_of(key);
  while (slots_[at].key != kEmpty) at = (at + 1) & mask_;
  slots_[at] = {key, to};
  ++n_edges_;
}

void ByteTrie::insert(std::string_view key, TokenId id) {
  if (key.empty()) return;
  Node node = kRoot;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    Node next = step(node, byte);
    if (next == kNone) {
      next = static_cast<Node>(ids_.size());
      ids_.push_back(-1);
      if (node == kRoot) {
        root_[byte] = next;
      } else {
        add(key_of(node, byte), next);
      }
    }
    node = next;
  }
  ids_[node] = id;
}

}  // namespace bp
