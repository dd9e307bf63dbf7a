// How much memory something takes, by what it serves. Plain values; any thread.
#pragma once

#include <cstdint>

namespace bp {

// Bytes of a device (host memory where the reference computes).
struct MemoryUsage {
  uint64_t weights = 0;      // packed or copied; what is read in place from the file is not among it
  uint64_t activations = 0;  // values of a step: the arena without scratch, logits, embeddings
  uint64_t workspace = 0;    // of kernels: scratch, as far as it makes the arena larger, and what lives with a program
  uint64_t kv = 0;           // pages of the KV cache
  uint64_t staging = 0;      // parameters of steps, on the device and where the host writes them
  uint64_t driver = 0;       // what the process, the plugin and the libraries below it keep beside all that
  uint64_t in_place = 0;     // weights that kernels read from the mapped file; not part of total()
  uint64_t loading = 0;      // of the host, pinned, while weights go to the device; gone then, not part of total()

  uint64_t slabs() const { return weights + activations + workspace + kv + staging; }
  uint64_t total() const { return slabs() + driver; }
  bool operator==(const MemoryUsage&) const = default;
};

}  // namespace bp
