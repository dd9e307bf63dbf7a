#include "memory/arena.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace bp {
namespace {

uint64_t align_up(uint64_t value, uint64_t align) { return (value + align - 1) & ~(align - 1); }

bool overlap(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

uint64_t most_alive(std::span<const Lifetime> lifetimes) {
  uint64_t most = 0;
  for (const Lifetime& at : lifetimes) {
    uint64_t alive = 0;  // the maximum is reached where some buffer begins
    for (const Lifetime& other : lifetimes) {
      if (other.first <= at.first && at.first <= other.last) alive += other.size_bytes;
    }
    most = std::max(most, alive);
  }
  return most;
}

}  // namespace

ArenaPlan plan_arena(std::span<const Lifetime> lifetimes) {
  ArenaPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  plan.lower_bound_bytes = most_alive(lifetimes);
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>{}, [&](size_t i) { return lifetimes[i].size_bytes; });
  std::vector<size_t> placed;  // by offset
  for (const size_t i : order) {
    const Lifetime& life = lifetimes[i];
    BP_CHECK(life.first <= life.last, "buffer {} lives from {} to {}", i, life.first, life.last);
    if (life.size_bytes == 0) continue;
    uint64_t offset = 0;
    for (const size_t j : placed) {
      if (!overlap(life, lifetimes[j])) continue;
      if (offset + life.size_bytes <= plan.offsets[j]) break;  // fits in the gap before j
      offset = std::max(offset, align_up(plan.offsets[j] + lifetimes[j].size_bytes, life.align_bytes));
    }
    plan.offsets[i] = offset;
    plan.size_bytes = std::max(plan.size_bytes, offset + life.size_bytes);
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](size_t j) { return plan.offsets[j]; }), i);
  }
  return plan;
}

}  // namespace bp
