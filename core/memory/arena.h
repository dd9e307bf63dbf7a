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
  uint64_t lower_bound_bytes = 0;  // the most alive at one step, aligned: no placement needs less
  uint64_t naive_bytes = 0;        // of all buffers side by side
};

// The best of several orders (by size, as Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
// Inference", 2020, have it; by size x lifetime, by lifetime, by start), each buffer at the lowest offset that nothing
// alive at the same time occupies; then a bounded search that moves what reaches the top to an earlier place. Takes
// some milliseconds at most, and is deterministic. REQUIRES: first <= last.
ArenaPlan plan_arena(std::span<const Lifetime> lifetimes);

}  // namespace bp
