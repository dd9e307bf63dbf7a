#include "tokenizer/bpe.h"

#include <algorithm>
#include <utility>

namespace bp {
namespace {

// Up to here a scan for the lowest rank is faster than a heap.
constexpr size_t kShortPiece = 40;

struct Candidate {
  uint32_t rank;
  uint32_t position;
  TokenId merged;

  // std::push_heap keeps the greatest first; wanted is the lowest rank, then the leftmost.
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

struct Link {
  uint32_t previous;
  uint32_t next;
};

}  // namespace

struct ByteLevelBpe::Symbols {
  std::vector<TokenId> ids;
  std::vector<Merge> pairs;           // of ids[i] and ids[i + 1]: short pieces
  std::vector<Link> links;            // long pieces
  std::vector<Candidate> candidates;  // a heap: long pieces
};

ByteLevelBpe::ByteLevelBpe(const TokenTable& tokens, const std::vector<std::string>& merges, PreTokenizer pre_tokenizer,
                           BpeOptions options)
    : tokens_(tokens),
      merges_(tokens, merges),
      pre_tokenizer_(std::move(pre_tokenizer)),
      options_(options),
      whole_(std::make_unique<std::atomic<Whole>[]>(tokens.size())) {
  for (size_t b = 0; b < byte_ids_.size(); ++b) {
    const char byte = static_cast<char>(b);
    byte_ids_[b] = tokens.find_bytes({&byte, 1}).value_or(-1);
  }
}

void ByteLevelBpe::encode(std::string_view text, std::vector<TokenId>& out) const {
  if (options_.prefix_space && !text.starts_with(' ')) {
    encode_pieces(" " + std::string(text), out);
  } else {
    encode_pieces(text, out);
  }
}

void ByteLevelBpe::encode_pieces(std::string_view text, std::vector<TokenId>& out) const {
  Symbols symbols;
  size_t begin = 0;
  for (const size_t end : pre_tokenizer_.split(text)) {
    encode_piece(text.substr(begin, end - begin), symbols, out);
    begin = end;
  }
}

void ByteLevelBpe::encode_piece(std::string_view piece, Symbols& symbols, std::vector<TokenId>& out) const {
  const std::optional<TokenId> token = tokens_.find_bytes(piece);
  if (!token) return merge_bytes(piece, symbols, out);
  if (options_.ignore_merges) return out.push_back(*token);
  std::atomic<Whole>& whole = whole_[static_cast<size_t>(*token)];
  const Whole known = whole.load(std::memory_order_relaxed);
  if (known == Whole::kYes) return out.push_back(*token);
  const size_t before = out.size();
  merge_bytes(piece, symbols, out);
  if (known == Whole::kNotKnown) {
    const bool yes = out.size() == before + 1 && out.back() == *token;
    whole.store(yes ? Whole::kYes : Whole::kNo, std::memory_order_relaxed);
  }
}

void ByteLevelBpe::merge_bytes(std::string_view piece, Symbols& symbols, std::vector<TokenId>& out) const {
  symbols.ids.clear();
  for (const char c : piece) {
    const TokenId id = byte_ids_[static_cast<unsigned char>(c)];
    if (id >= 0) {
      symbols.ids.push_back(id);
    } else if (options_.unknown) {
      symbols.ids.push_back(*options_.unknown);
    }
  }
  if (symbols.ids.size() <= kShortPiece) {
    merge_short(symbols, out);
  } else {
    merge_long(symbols, out);
  }
}

void ByteLevelBpe::merge_short(Symbols& symbols, std::vector<TokenId>& out) const {
  constexpr Merge kNever{~uint32_t{0}, -1};
  auto& ids = symbols.ids;
  auto& pairs = symbols.pairs;
  const auto pair_at = [&](size_t i) {
    const Merge* merge = i + 1 < ids.size() ? merges_.find(ids[i], ids[i + 1]) : nullptr;
    return merge != nullptr ? *merge : kNever;
  };
  pairs.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) pairs[i] = pair_at(i);
  while (!ids.empty()) {
    const auto best = std::ranges::min_element(pairs, {}, &Merge::rank);
    if (best->rank == kNever.rank) break;
    const auto i = static_cast<size_t>(best - pairs.begin());
    ids[i] = best->merged;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(i) + 1);
    pairs.erase(pairs.begin() + static_cast<ptrdiff_t>(i) + 1);
    pairs[i] = pair_at(i);
    if (i > 0) pairs[i - 1] = pair_at(i - 1);
  }
  out.insert(out.end(), ids.begin(), ids.end());
}

void ByteLevelBpe::merge_long(Symbols& symbols, std::vector<TokenId>& out) const {
  auto& ids = symbols.ids;
  auto& links = symbols.links;
  auto& heap = symbols.candidates;
  const auto n = static_cast<uint32_t>(ids.size());
  links.resize(n);
  heap.clear();
  const auto propose = [&](uint32_t left) {
    if (links[left].next >= n) return;
    const Merge* merge = merges_.find(ids[left], ids[links[left].next]);
    if (merge != nullptr) heap.push_back({merge->rank, left, merge->merged});
  };
  for (uint32_t i = 0; i < n; ++i) links[i] = {i - 1, i + 1};
  for (uint32_t i = 0; i < n; ++i) propose(i);
  std::make_heap(heap.begin(), heap.end());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate top = heap.back();
    heap.pop_back();
    const uint32_t left = top.position;
    const uint32_t right = links[left].next;
    if (ids[left] < 0 || right >= n) continue;
    const Merge* merge = merges_.find(ids[left], ids[right]);
    if (merge == nullptr || merge->merged != top.merged) continue;  // one of the two has merged since
    ids[left] = top.merged;
    ids[right] = -1;
    const uint32_t after = links[right].next;
    links[left].next = after;
    if (after < n) links[after].previous = left;
    const auto propose_in_order = [&](uint32_t at) {
      const size_t before = heap.size();
      propose(at);
      if (heap.size() != before) std::push_heap(heap.begin(), heap.end());
    };
    propose_in_order(left);
    if (links[left].previous < n) propose_in_order(links[left].previous);
  }
  for (const TokenId id : ids) {
    if (id >= 0) out.push_back(id);
  }
}

}  // namespace bp
