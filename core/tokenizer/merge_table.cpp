#include "tokenizer/merge_table.h"

#include <algorithm>
#include <bit>

namespace bp {

MergeTable::MergeTable(const TokenTable& tokens, const std::vector<std::string>& merges, std::string_view word_prefix) {
  slots_.resize(std::bit_ceil(std::max<size_t>(16, merges.size() + merges.size() / 2)));
  mask_ = slots_.size() - 1;
  std::string left_bytes;
  std::string right_bytes;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view text = merges[rank];
    // Tokens may hold spaces themselves: the first cut that gives tokens is the one meant.
    for (size_t space = text.find(' ', 1); space != std::string_view::npos; space = text.find(' ', space + 1)) {
      if (!tokens.key_of_text(text.substr(0, space), left_bytes)) continue;
      if (!tokens.key_of_text(text.substr(space + 1), right_bytes)) continue;
      const auto left = tokens.find_bytes(left_bytes);
      const auto right = left ? tokens.find_bytes(right_bytes) : std::nullopt;
      if (!right) continue;
      if (!word_prefix.empty() && right_bytes.starts_with(word_prefix)) right_bytes.erase(0, word_prefix.size());
      const auto merged = tokens.find_bytes(left_bytes += right_bytes);
      if (!merged) continue;
      insert(*left, *right, {static_cast<uint32_t>(rank), *merged});
      break;
    }
  }
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const uint64_t key = key_of(left, right);
  size_t at = slot_of(key);
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
  slots_[at] = {key, merge};
}

}  // namespace bp
