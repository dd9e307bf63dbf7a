#include "tokenizer/byte_level_bpe.h"

#include <algorithm>

namespace bp {

ByteLevelBpe::ByteLevelBpe(const TokenTable& tokens, const std::vector<std::string>& merges,
                           ByteLevelBpeOptions options)
    : tokens_(tokens), merges_(tokens, merges), options_(options), whole_(tokens.size()) {
  for (size_t b = 0; b < byte_ids_.size(); ++b) {
    const char byte = static_cast<char>(b);
    byte_ids_[b] = tokens.find_bytes({&byte, 1}).value_or(-1);
  }
  if (std::ranges::find(byte_ids_, -1) != byte_ids_.end()) return;
  byte_merges_.assign(size_t{1} << 16, kNoMerge);
  for (size_t pair = 0; pair < byte_merges_.size(); ++pair) {
    const Merge* merge = merges_.find(byte_ids_[pair >> 8], byte_ids_[pair & 0xFF]);
    if (merge != nullptr) byte_merges_[pair] = *merge;
  }
}

void ByteLevelBpe::encode(const PreTokens& tokens, std::vector<TokenId>& out) const {
  BpeMerger<TokenId> merger;
  for (const TextRange& piece : tokens.pieces) encode_piece(piece_text(tokens, piece), merger, out);
}

void ByteLevelBpe::encode_piece(std::string_view piece, BpeMerger<TokenId>& merger, std::vector<TokenId>& out) const {
  const std::optional<TokenId> token = tokens_.find_bytes(piece);
  if (!token) return merge_bytes(piece, merger, out);
  if (options_.ignore_merges) return out.push_back(*token);
  const WholeTokens::Answer known = whole_.get(*token);
  if (known == WholeTokens::Answer::kYes) return out.push_back(*token);
  const size_t before = out.size();
  merge_bytes(piece, merger, out);
  if (known == WholeTokens::Answer::kNotKnown) whole_.set(*token, out.size() == before + 1 && out.back() == *token);
}

void ByteLevelBpe::merge_bytes(std::string_view piece, BpeMerger<TokenId>& merger, std::vector<TokenId>& out) const {
  auto& symbols = merger.symbols;
  symbols.clear();
  for (const char c : piece) {
    const TokenId id = byte_ids_[static_cast<unsigned char>(c)];
    if (id >= 0) {
      symbols.push_back(id);
    } else if (options_.unknown) {
      symbols.push_back(*options_.unknown);
    }
  }
  const auto find = [&](TokenId left, TokenId right) {
    const Merge* merge = merges_.find(left, right);
    return merge != nullptr ? *merge : kNoMerge;
  };
  const auto join = [](TokenId& left, TokenId, TokenId merged) { left = merged; };
  if (byte_merges_.empty()) {
    merger.run(find, join);
  } else {
    const auto byte = [&](size_t i) { return size_t{static_cast<unsigned char>(piece[i])}; };
    merger.run([&](size_t i) { return byte_merges_[byte(i) << 8 | byte(i + 1)]; }, find, join);
  }
  out.insert(out.end(), symbols.begin(), symbols.end());
}

}  // namespace bp
