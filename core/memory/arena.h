// Places buffers with known lifetimes into one arena. Plans bytes only; pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bp {

// A buffer alive from step `first` to step `last`, both included.
struct Lifetime {
  uint64_t size_bytes = 0;
  uint64_t align_bytes = 1;  // a power of two
  int first = 0;
  int last = 0;
};

struct ArenaPlan {
  std::vector<uint64_t> offsets;   // one per lifetime; 0 for empty buffers
  uint64_t size_bytes = 0;         // of the arena
  uint64_t lower_bound_bytes = 0;  // the most that is alive at one step: no placement needs less
};

// Largest first, each at the lowest offset that no buffer alive at the same time occupies (Pisarchyk and Lee,
// "Efficient Memory Management for Deep Neural Net Inference", 2020, greedy by size). REQUIRES: first <= last.
ArenaPlan plan_arena(std::span<const Lifetime> lifetimes);

}  // namespace bp
