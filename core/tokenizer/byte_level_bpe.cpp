#include "tokenizer/byte_level_bpe.h"

namespace bp {

ByteLevelBpe::ByteLevelBpe(const TokenTable& tokens, const std::vector<std::string>& merges,
                           ByteLevelBpeOptions options)
    : tokens_(tokens), merges_(tokens, merges), options_(options), whole_(tokens.size()) {
  for (size_t b = 0; b < byte_ids_.size(); ++b) {
    const char byte = static_cast<char>(b);
    byte_ids_[b] = tokens.find_bytes({&byte, 1}).value_or(-1);
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
  merger.run(
      [&](TokenId left, TokenId right) {
        const Merge* merge = merges_.find(left, right);
        return merge != nullptr ? *merge : kNoMerge;
      },
      [](TokenId& left, TokenId, TokenId merged) { left = merged; });
  out.insert(out.end(), symbols.begin(), symbols.end());
}

}  // namespace bp
