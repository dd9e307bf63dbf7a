#include "tokenizer/unigram.h"

#include <algorithm>
#include <limits>

#include "tokenizer/utf8.h"

namespace bp {
namespace {

// What an unknown character scores below the least likely token.
constexpr double kUnknownPenalty = 10;
// A user-defined token is as likely as the likeliest token for each of its bytes, less this.
constexpr double kUserDefinedPenalty = 0.1;

}  // namespace

// The best way to write the text up to some position.
template <class Score>
struct Unigram::Best {
  Score score = 0;
  uint32_t begin = kUnreached;  // where its last token begins
  TokenId id = -1;              // -1: an unknown character

  static constexpr uint32_t kUnreached = ~uint32_t{0};
};

Unigram::Unigram(const TokenTable& tokens, std::vector<double> scores, UnigramOptions options)
    : scores_(std::move(scores)), options_(options) {
  double lowest = std::numeric_limits<double>::max();
  double highest = std::numeric_limits<float>::min();  // where SentencePiece starts: log probabilities lie below
  for (TokenId id = 0; static_cast<size_t>(id) < tokens.size(); ++id) {
    const auto i = static_cast<size_t>(id);
    const bool unused = tokens.type(id) == TokenType::kUnused;
    if (tokens.is_text(id) && !unused) trie_.insert(tokens.key_bytes(id), id);
    // SentencePiece takes the lowest of the normal tokens, Hugging Face of all.
    if (options.like_sentence_piece && tokens.type(id) != TokenType::kNormal) continue;
    lowest = std::min(lowest, scores_[i]);
    highest = std::max(highest, scores_[i]);
  }
  unknown_score_ = lowest - kUnknownPenalty;
  for (TokenId id = 0; options.like_sentence_piece && static_cast<size_t>(id) < tokens.size(); ++id) {
    const auto n_bytes = static_cast<double>(tokens.key_bytes(id).size());
    if (tokens.type(id) == TokenType::kUserDefined)
      scores_[static_cast<size_t>(id)] = n_bytes * highest - kUserDefinedPenalty;
  }
  for (size_t b = 0; b < byte_ids_.size(); ++b) byte_ids_[b] = tokens.byte_token(static_cast<unsigned char>(b));
}

void Unigram::encode(const PreTokens& tokens, std::vector<TokenId>& out) const {
  if (options_.like_sentence_piece) {
    encode_as<float>(tokens, out);
  } else {
    encode_as<double>(tokens, out);
  }
}

template <class Score>
void Unigram::find_best(std::string_view piece, std::vector<Best<Score>>& best) const {
  best.assign(piece.size() + 1, {});
  best[0].begin = 0;
  for (size_t at = 0; at < piece.size();) {
    const size_t next = at + utf8::next(piece, at).n_bytes;
    const Score here = best[at].score;
    bool has_char = false;
    const auto offer = [&](size_t end, Score score, TokenId id) {
      Best<Score>& there = best[end];
      if (there.begin == Best<Score>::kUnreached || score > there.score) there = {score, static_cast<uint32_t>(at), id};
    };
    ByteTrie::Node node = ByteTrie::kRoot;
    for (size_t end = at; end < piece.size();) {
      node = trie_.step(node, static_cast<unsigned char>(piece[end++]));
      if (node == ByteTrie::kNone) break;
      const TokenId id = trie_.id(node);
      if (id < 0) continue;
      offer(end, here + static_cast<Score>(scores_[static_cast<size_t>(id)]), id);
      has_char = has_char || end == next;
    }
    if (!has_char) offer(next, here + static_cast<Score>(unknown_score_), -1);
    at = next;
  }
}

template <class Score>
void Unigram::encode_as(const PreTokens& tokens, std::vector<TokenId>& out) const {
  std::vector<Best<Score>> best;
  std::vector<std::pair<uint32_t, uint32_t>> path;
  for (const TextRange& range : tokens.pieces) {
    const std::string_view piece = piece_text(tokens, range);
    find_best(piece, best);
    path.clear();
    for (auto end = static_cast<uint32_t>(piece.size()); end > 0; end = best[end].begin)
      path.emplace_back(best[end].begin, end);
    bool after_unknown = false;
    for (auto it = path.rbegin(); it != path.rend(); ++it) {
      const TokenId id = best[it->second].id;
      if (id >= 0) {
        out.push_back(id);
      } else {
        emit_unknown(piece.substr(it->first, it->second - it->first), after_unknown, out);
      }
      after_unknown = id < 0;
    }
  }
}

void Unigram::emit_unknown(std::string_view bytes, bool after_unknown, std::vector<TokenId>& out) const {
  bool all = options_.byte_fallback;
  for (const char c : bytes) all = all && byte_ids_[static_cast<unsigned char>(c)] >= 0;
  if (all) {
    for (const char c : bytes) out.push_back(byte_ids_[static_cast<unsigned char>(c)]);
  } else if (options_.unknown && !after_unknown) {
    out.push_back(*options_.unknown);
  }
}

}  // namespace bp
