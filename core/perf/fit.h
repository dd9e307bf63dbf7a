// Whether a model fits a device, and what to change where it does not. Thread-safe: a pure function.
#pragma once

#include <cstdint>
#include <string>

#include "memory/memory_usage.h"

namespace bp {

struct FitQuestion {
  MemoryUsage usage;             // what the model would take
  uint64_t available_bytes = 0;  // of the device's memory, now
  uint64_t kv_token_bytes = 0;   // of one token in the cache; 0: there is none
  int max_seqs = 1;
  int context = 0;  // tokens of one sequence that were asked for
  int page_size = 16;
  double bits_per_weight = 0;  // of the weights as they are
};

struct Fit {
  bool fits = false;
  std::string fix;  // where it does not: what to set, or which weight type would fit
};

// Counts slabs and what is read in place against what is available: driver overhead is gone from that already.
Fit fit(const FitQuestion& question);

}  // namespace bp
