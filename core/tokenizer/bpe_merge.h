// The heart of byte-pair encoding: of all neighbours that merge, those of the lowest rank do first, the leftmost of
// equal ones, until none is left.
// Not thread-safe: a BpeMerger is scratch space for one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tokenizer/merge_table.h"

namespace bp {

inline constexpr Merge kNoMerge{~uint32_t{0}, -1};

template <class Symbol>
class BpeMerger {
 public:
  std::vector<Symbol> symbols;  // in and out

  // find(left, right): the merge of two neighbours, or kNoMerge. join(left, right, merged id): makes left the both.
  template <class Find, class Join>
  void run(Find find, Join join) {
    run([&](size_t i) { return find(symbols[i], symbols[i + 1]); }, find, join);
  }
  // first(i): what find says of symbols[i] and symbols[i + 1] before anything has merged.
  template <class First, class Find, class Join>
  void run(First first, Find find, Join join) {
    // Up to here a scan for the lowest rank is faster than a heap.
    constexpr size_t kShort = 40;
    pairs_.assign(symbols.size(), kNoMerge);
    for (size_t i = 0; i + 1 < symbols.size(); ++i) pairs_[i] = first(i);
    if (symbols.size() <= kShort) {
      run_short(find, join);
    } else {
      run_long(find, join);
    }
  }

 private:
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
    bool merged_away;
  };

  template <class Find, class Join>
  void run_short(Find find, Join join) {
    const auto pair_at = [&](size_t i) { return i + 1 < symbols.size() ? find(symbols[i], symbols[i + 1]) : kNoMerge; };
    while (!symbols.empty()) {
      const auto best = std::ranges::min_element(pairs_, {}, &Merge::rank);
      if (best->rank == kNoMerge.rank) break;
      const auto i = best - pairs_.begin();
      join(symbols[static_cast<size_t>(i)], symbols[static_cast<size_t>(i) + 1], best->merged);
      symbols.erase(symbols.begin() + i + 1);
      pairs_.erase(pairs_.begin() + i + 1);
      pairs_[static_cast<size_t>(i)] = pair_at(static_cast<size_t>(i));
      if (i > 0) pairs_[static_cast<size_t>(i) - 1] = pair_at(static_cast<size_t>(i) - 1);
    }
  }

  template <class Find, class Join>
  void run_long(Find find, Join join) {
    const auto n = static_cast<uint32_t>(symbols.size());
    links_.resize(n);
    heap_.clear();
    const auto add = [&](uint32_t left) {
      const Merge& merge = pairs_[left];
      if (merge.rank == kNoMerge.rank) return false;
      heap_.push_back({merge.rank, left, merge.merged});
      return true;
    };
    const auto propose = [&](uint32_t left) {
      const uint32_t right = links_[left].next;
      pairs_[left] = right < n ? find(symbols[left], symbols[right]) : kNoMerge;
      return add(left);
    };
    for (uint32_t i = 0; i < n; ++i) links_[i] = {i - 1, i + 1, false};
    for (uint32_t i = 0; i < n; ++i) add(i);
    std::make_heap(heap_.begin(), heap_.end());
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Candidate top = heap_.back();
      heap_.pop_back();
      const uint32_t left = top.position;
      const uint32_t right = links_[left].next;
      // One of the two may have merged since.
      if (pairs_[left].merged != top.merged || pairs_[left].rank != top.rank) continue;
      join(symbols[left], symbols[right], top.merged);
      links_[right].merged_away = true;
      pairs_[right] = kNoMerge;
      const uint32_t after = links_[right].next;
      links_[left].next = after;
      if (after < n) links_[after].previous = left;
      if (propose(left)) std::push_heap(heap_.begin(), heap_.end());
      const uint32_t before = links_[left].previous;
      if (before < n && propose(before)) std::push_heap(heap_.begin(), heap_.end());
    }
    size_t kept = 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (!links_[i].merged_away) symbols[kept++] = symbols[i];
    }
    symbols.resize(kept);
  }

  std::vector<Merge> pairs_;  // of symbols[i] and the one behind it
  std::vector<Link> links_;   // long pieces
  std::vector<Candidate> heap_;
};

}  // namespace bp
