#include "tokenizer/char_bpe.h"

#include <bit>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "tokenizer/utf8.h"

namespace bp {
namespace {

// The higher the score, the lower the rank. Scores that are no number come last.
uint32_t rank_of(float score) {
  if (std::isnan(score)) return kNoMerge.rank - 1;
  if (score == 0) score = 0;  // -0 and 0 are the same score
  const auto bits = std::bit_cast<uint32_t>(score);
  const uint32_t ascending = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
  return std::min(~ascending, kNoMerge.rank - 1);
}

}  // namespace

struct CharBpe::Run {
  std::string_view piece;
  std::vector<TokenId>& out;
  BpeMerger<Symbol> merger{};
  bool after_unknown = false;  // the last id is an unknown token, of this piece
  // Where a merge gave a token that must not be used, what it was merged from: (begin, end) to the middle.
  std::unordered_map<uint64_t, uint32_t> unused;
};

CharBpe::CharBpe(const TokenTable& tokens, const std::vector<std::string>& merges, CharBpeOptions options)
    : tokens_(tokens),
      merges_(std::make_unique<MergeTable>(tokens, merges, options.word_prefix)),
      options_(std::move(options)),
      whole_(tokens.size()) {
  prepare();
}

CharBpe::CharBpe(const TokenTable& tokens, std::vector<float> scores, CharBpeOptions options)
    : tokens_(tokens), options_(std::move(options)), whole_(tokens.size()) {
  ranks_.reserve(scores.size());
  for (const float score : scores) ranks_.push_back(rank_of(score));
  prepare();
}

void CharBpe::prepare() {
  for (size_t b = 0; b < byte_ids_.size(); ++b) byte_ids_[b] = tokens_.byte_token(static_cast<unsigned char>(b));
  for (TokenId id = 0; static_cast<size_t>(id) < tokens_.size(); ++id) {
    if (tokens_.is_text(id)) pairs_.add(tokens_.key_bytes(id));
  }
}

void CharBpe::encode(const PreTokens& tokens, std::vector<TokenId>& out) const {
  Run run{.piece = {}, .out = out, .unused = {}};
  for (const TextRange& piece : tokens.pieces) {
    run.piece = piece_text(tokens, piece);
    run.after_unknown = false;
    run.unused.clear();
    encode_piece(run);
  }
}

void CharBpe::encode_piece(Run& run) const {
  const std::string_view piece = run.piece;
  const bool newlines = options_.newline_runs_whole && piece.find_first_not_of('\n') == std::string_view::npos;
  if (options_.ignore_merges || newlines) {
    if (const auto id = tokens_.find_bytes(piece)) return run.out.push_back(*id);
  }
  if (has_affixes()) return merge_chunk(run, 0, piece.size());
  size_t chunk = 0;
  char32_t left = 0;
  for (size_t at = 0; at < piece.size();) {
    const utf8::Step step = utf8::next(piece, at);
    if (at > 0 && !pairs_.may_join(left, step.code_point)) {
      encode_chunk(run, chunk, at);
      chunk = at;
    }
    left = step.code_point;
    at += step.n_bytes;
  }
  encode_chunk(run, chunk, piece.size());
}

void CharBpe::encode_chunk(Run& run, size_t begin, size_t end) const {
  const auto token = tokens_.find_bytes(run.piece.substr(begin, end - begin));
  const auto known = token ? whole_.get(*token) : WholeTokens::Answer::kNo;
  if (known == WholeTokens::Answer::kYes) {
    run.out.push_back(*token);
    run.after_unknown = false;
    return;
  }
  const size_t before = run.out.size();
  merge_chunk(run, begin, end);
  if (known == WholeTokens::Answer::kNotKnown)
    whole_.set(*token, run.out.size() == before + 1 && run.out.back() == *token);
}

void CharBpe::merge_chunk(Run& run, size_t begin, size_t end) const {
  add_symbols(run, begin, end);
  run.merger.run([&](const Symbol& left, const Symbol& right) { return find_merge(run.piece, left, right); },
                 [&](Symbol& left, const Symbol& right, TokenId merged) {
                   if (!ranks_.empty() && tokens_.type(merged) == TokenType::kUnused)
                     run.unused[uint64_t{left.begin} << 32 | right.end] = left.end;
                   left.end = right.end;
                   left.id = merged;
                 });
  for (const Symbol& symbol : run.merger.symbols) emit(run, symbol);
}

TokenId CharBpe::char_token(const Run& run, size_t begin, size_t end) const {
  const std::string_view text = run.piece.substr(begin, end - begin);
  if (!has_affixes()) return tokens_.find_bytes(text).value_or(-1);
  const std::string affixed = (begin > 0 ? options_.word_prefix : "") + std::string(text) +
                              (end == run.piece.size() ? options_.word_suffix : "");
  return tokens_.find_bytes(affixed).value_or(-1);
}

void CharBpe::add_symbols(Run& run, size_t begin, size_t end) const {
  auto& symbols = run.merger.symbols;
  symbols.clear();
  for (size_t at = begin; at < end;) {
    const size_t next = at + utf8::next(run.piece, at).n_bytes;
    symbols.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(next), char_token(run, at, next)});
    at = next;
  }
}

Merge CharBpe::find_merge(std::string_view piece, const Symbol& left, const Symbol& right) const {
  if (merges_ != nullptr) {
    const Merge* merge = left.id >= 0 && right.id >= 0 ? merges_->find(left.id, right.id) : nullptr;
    return merge != nullptr ? *merge : kNoMerge;
  }
  const auto id = tokens_.find_bytes(piece.substr(left.begin, right.end - left.begin));
  return id ? Merge{ranks_[static_cast<size_t>(*id)], *id} : kNoMerge;
}

void CharBpe::emit(Run& run, const Symbol& symbol) const {
  if (symbol.id < 0) return emit_unknown(run, run.piece.substr(symbol.begin, symbol.end - symbol.begin));
  if (!run.unused.empty() && tokens_.type(symbol.id) == TokenType::kUnused) {
    const auto it = run.unused.find(uint64_t{symbol.begin} << 32 | symbol.end);
    if (it != run.unused.end()) {
      for (const auto& [begin, end] : {std::pair{symbol.begin, it->second}, {it->second, symbol.end}})
        emit(run, {begin, end, tokens_.find_bytes(run.piece.substr(begin, end - begin)).value_or(-1)});
      return;
    }
  }
  run.out.push_back(symbol.id);
  run.after_unknown = false;
}

void CharBpe::emit_unknown(Run& run, std::string_view bytes) const {
  bool all = options_.byte_fallback;
  for (const char c : bytes) all = all && byte_ids_[static_cast<unsigned char>(c)] >= 0;
  if (all) {
    for (const char c : bytes) run.out.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    run.after_unknown = false;
  } else if (options_.unknown) {
    if (!run.after_unknown || !options_.fuse_unknown) run.out.push_back(*options_.unknown);
    run.after_unknown = true;
  }
}

}  // namespace bp
