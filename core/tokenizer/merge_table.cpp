#include "tokenizer/merge_table.h"

#include <algorithm>
#include <bit>

#include "tokenizer/byte_alphabet.h"

namespace bp {

MergeTable::MergeTable(const TokenTable& tokens, const std::vector<std::string>& merges) {
  slots_.resize(std::bit_ceil(std::max<size_t>(16, merges.size() + merges.size() / 2)));
  mask_ = slots_.size() - 1;
  std::string left_bytes;
  std::string right_bytes;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view text = merges[rank];
    const size_t space = text.find(' ', 1);
    if (space == std::string_view::npos) continue;
    if (!bytes_of_alphabet(text.substr(0, space), left_bytes)) continue;
    if (!bytes_of_alphabet(text.substr(space + 1), right_bytes)) continue;
    const auto left = tokens.find_bytes(left_bytes);
    const auto right = tokens.find_bytes(right_bytes);
    const auto merged = tokens.find_bytes(left_bytes += right_bytes);
    if (left && right && merged) insert(*left, *right, {static_cast<uint32_t>(rank), *merged});
  }
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const uint64_t key = key_of(left, right);
  size_t at = slot_of(key);
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
  slots_[at] = {key, merge};
}

}  // namespace bp
