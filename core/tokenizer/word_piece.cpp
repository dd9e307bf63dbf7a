#include "tokenizer/word_piece.h"

#include "tokenizer/utf8.h"

namespace bp {
namespace {

bool has_more_chars(std::string_view word, size_t limit) {
  if (word.size() <= limit) return false;
  size_t n_chars = 0;
  for (size_t at = 0; at < word.size() && n_chars <= limit; ++n_chars) at += utf8::next(word, at).n_bytes;
  return n_chars > limit;
}

struct LongestToken {
  TokenId id = -1;
  size_t n_bytes = 0;
};

LongestToken longest(const ByteTrie& trie, std::string_view text) {
  LongestToken found;
  ByteTrie::Node node = ByteTrie::kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = trie.step(node, static_cast<unsigned char>(text[i]));
    if (node == ByteTrie::kNone) break;
    if (trie.id(node) >= 0) found = {trie.id(node), i + 1};
  }
  return found;
}

}  // namespace

WordPiece::WordPiece(const TokenTable& tokens, WordPieceOptions options) : options_(std::move(options)) {
  for (TokenId id = 0; static_cast<size_t>(id) < tokens.size(); ++id) {
    if (!tokens.is_text(id)) continue;
    const std::string_view key = tokens.key_bytes(id);
    const bool begins = key.starts_with(options_.begin_prefix);
    if (begins) begins_.insert(key.substr(options_.begin_prefix.size()), id);
    const bool continues = options_.continue_prefix.empty() ? !begins : key.starts_with(options_.continue_prefix);
    if (continues) continues_.insert(key.substr(options_.continue_prefix.size()), id);
  }
}

void WordPiece::encode(const PreTokens& tokens, std::vector<TokenId>& out) const {
  for (const TextRange& piece : tokens.pieces) {
    const size_t before = out.size();
    if (encode_word(piece_text(tokens, piece), out)) continue;
    out.resize(before);
    if (options_.unknown) out.push_back(*options_.unknown);
  }
}

bool WordPiece::encode_word(std::string_view word, std::vector<TokenId>& out) const {
  if (options_.whole_words_only) {
    const LongestToken token = longest(begins_, word);
    if (token.n_bytes == word.size()) out.push_back(token.id);
    return token.n_bytes == word.size();
  }
  if (has_more_chars(word, options_.max_chars)) return false;
  for (size_t at = 0; at < word.size();) {
    const LongestToken token = longest(at == 0 ? begins_ : continues_, word.substr(at));
    if (token.id < 0) return false;
    out.push_back(token.id);
    at += token.n_bytes;
  }
  return true;
}

}  // namespace bp
