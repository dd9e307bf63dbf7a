#include "memory/arena.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>

#include "base/check.h"

namespace bp {
namespace {

uint64_t align_up(uint64_t value, uint64_t align) { return (value + align - 1) & ~(align - 1); }

bool overlap(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

// Every offset is a multiple of the least alignment, so between buffers that are alive together lies what rounds each
// up to it, but for the one on top.
uint64_t most_alive(std::span<const Lifetime> lifetimes) {
  uint64_t align = UINT64_MAX;
  for (const Lifetime& life : lifetimes) align = std::min(align, life.align_bytes);
  uint64_t most = 0;
  for (const Lifetime& at : lifetimes) {
    uint64_t alive = 0;  // the maximum is reached where some buffer begins
    uint64_t slack = 0;
    for (const Lifetime& other : lifetimes) {
      if (other.first > at.first || at.first > other.last || other.size_bytes == 0) continue;
      const uint64_t rounded = align_up(other.size_bytes, align);
      alive += rounded;
      slack = std::max(slack, rounded - other.size_bytes);
    }
    most = std::max(most, alive - slack);
  }
  return most;
}

using Order = std::vector<size_t>;

struct Placement {
  std::vector<uint64_t> offsets;
  uint64_t size_bytes = 0;
};

// In the order given, each at the lowest offset that no placed buffer alive at the same time occupies.
Placement place_in_order(std::span<const Lifetime> lifetimes, const Order& order) {
  Placement placement;
  placement.offsets.assign(lifetimes.size(), 0);
  Order placed;  // by offset
  placed.reserve(order.size());
  for (const size_t i : order) {
    const Lifetime& life = lifetimes[i];
    uint64_t offset = 0;
    for (const size_t j : placed) {
      if (!overlap(life, lifetimes[j])) continue;
      if (offset + life.size_bytes <= placement.offsets[j]) break;  // fits in the gap before j
      offset = std::max(offset, align_up(placement.offsets[j] + lifetimes[j].size_bytes, life.align_bytes));
    }
    placement.offsets[i] = offset;
    placement.size_bytes = std::max(placement.size_bytes, offset + life.size_bytes);
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](size_t j) { return placement.offsets[j]; }), i);
  }
  return placement;
}

class Search {
 public:
  Search(std::span<const Lifetime> lifetimes, uint64_t lower_bound) : lifetimes_(lifetimes), lower_bound_(lower_bound) {
    for (size_t i = 0; i < lifetimes.size(); ++i) {
      BP_CHECK(lifetimes[i].first <= lifetimes[i].last, "buffer {} lives from {} to {}", i, lifetimes[i].first,
               lifetimes[i].last);
      if (lifetimes[i].size_bytes > 0) order_.push_back(i);
    }
  }

  Placement run() {
    best_.offsets.assign(lifetimes_.size(), 0);
    if (order_.empty()) return best_;
    const Order by_index = order_;
    const auto length = [](const Lifetime& life) { return static_cast<uint64_t>(life.last - life.first) + 1; };
    using Key = uint64_t (*)(const Lifetime&);
    const std::array<Key, 4> keys = {
        [](const Lifetime& life) { return life.size_bytes; },
        [](const Lifetime& life) { return life.size_bytes * (static_cast<uint64_t>(life.last - life.first) + 1); },
        [](const Lifetime& life) { return static_cast<uint64_t>(life.last - life.first) + 1; },
        [](const Lifetime& life) { return UINT64_MAX - static_cast<uint64_t>(life.first); },
    };
    for (const Key key : keys) {
      Order order = by_index;
      std::ranges::stable_sort(order, std::greater<>{}, [&](size_t i) {
        return std::pair{key(lifetimes_[i]), lifetimes_[i].size_bytes * length(lifetimes_[i])};
      });
      try_order(order);
    }
    try_order(by_breadth(false));
    try_order(by_breadth(true));
    improve();
    return best_;
  }

 private:
  // Steps by the bytes alive in them, most first; of each, the buffers not yet there, largest (or longest) first.
  Order by_breadth(bool by_length) const {
    std::vector<std::pair<uint64_t, size_t>> starts;  // bytes alive where a buffer begins
    for (const size_t i : order_) {
      uint64_t alive = 0;
      for (const size_t j : order_) {
        if (alive_at(j, lifetimes_[i].first)) alive += lifetimes_[j].size_bytes;
      }
      starts.emplace_back(alive, i);
    }
    std::ranges::stable_sort(starts, std::greater<>{}, [](const auto& start) { return start.first; });
    Order order;
    std::vector<bool> taken(lifetimes_.size(), false);
    for (const auto& [alive, start] : starts) {
      Order here;
      for (const size_t i : order_) {
        if (!taken[i] && alive_at(i, lifetimes_[start].first)) here.push_back(i);
      }
      std::ranges::stable_sort(here, std::greater<>{}, [&](size_t i) {
        const Lifetime& life = lifetimes_[i];
        return by_length ? static_cast<uint64_t>(life.last - life.first) : life.size_bytes;
      });
      for (const size_t i : here) taken[i] = true;
      order.insert(order.end(), here.begin(), here.end());
    }
    return order;
  }

  bool alive_at(size_t i, int step) const { return lifetimes_[i].first <= step && step <= lifetimes_[i].last; }

  void try_order(const Order& order) {
    if (done()) return;
    Placement placement = place_in_order(lifetimes_, order);
    if (!best_order_.empty() && placement.size_bytes >= best_.size_bytes) return;
    best_ = std::move(placement);
    best_order_ = order;
  }

  bool done() const { return !best_order_.empty() && best_.size_bytes <= lower_bound_; }

  // Moves a buffer that reaches the top to an earlier place, or now and then any buffer to any, again and again. What
  // is a little worse is kept too, less and less of it, since better orders often lie behind worse ones. The seed is
  // fixed: equal lifetimes, equal offsets.
  void improve() {
    constexpr uint64_t kChecks = 6'000'000;  // pairs looked at: some milliseconds
    constexpr uint64_t kMostTries = 4000;
    constexpr uint64_t kRounds = 4;  // from the best order each
    const uint64_t n = order_.size();
    if (n < 2) return;
    const uint64_t tries = std::min(kChecks / (n * n), kMostTries);
    std::mt19937 random(1);
    for (uint64_t round = 0; round < kRounds; ++round) search_from_best(tries / kRounds + 1, random);
  }

  void search_from_best(uint64_t tries, std::mt19937& random) {
    Order order = best_order_;
    Placement now = best_;
    for (uint64_t i = 0; i < tries && !done(); ++i) {
      std::vector<size_t> top;  // places in the order
      for (size_t at = 1; at < order.size(); ++at) {
        if (now.offsets[order[at]] + lifetimes_[order[at]].size_bytes == now.size_bytes) top.push_back(at);
      }
      const bool any = top.empty() || random() % 4 == 0;
      const size_t from = any ? 1 + random() % (order.size() - 1) : top[random() % top.size()];
      const size_t to = random() % from;
      Order next = order;
      const auto first = next.begin() + static_cast<ptrdiff_t>(to), last = next.begin() + static_cast<ptrdiff_t>(from);
      std::rotate(first, last, last + 1);
      Placement placement = place_in_order(lifetimes_, next);
      const uint64_t allowance = lower_bound_ / 16 * (tries - i) / tries;
      if (placement.size_bytes > std::max(now.size_bytes, best_.size_bytes + allowance)) continue;
      order = std::move(next);
      now = std::move(placement);
      if (now.size_bytes >= best_.size_bytes) continue;
      best_ = now;
      best_order_ = order;
    }
  }

  std::span<const Lifetime> lifetimes_;
  uint64_t lower_bound_;
  Order order_;  // those that are not empty
  Order best_order_;
  Placement best_;
};

}  // namespace

ArenaPlan plan_arena(std::span<const Lifetime> lifetimes) {
  ArenaPlan plan;
  plan.lower_bound_bytes = most_alive(lifetimes);
  for (const Lifetime& life : lifetimes) plan.naive_bytes += life.size_bytes;
  Placement best = Search(lifetimes, plan.lower_bound_bytes).run();
  plan.offsets = std::move(best.offsets);
  plan.size_bytes = best.size_bytes;
  return plan;
}

}  // namespace bp
