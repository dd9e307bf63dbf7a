// The parameters of a step in device memory: token ids, positions, lengths, page tables, sampling. Written on the host
// and copied over before each run, so that programs never change. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "compile/program.h"
#include "model/rope.h"
#include "plugin_host/queue.h"
#include "scheduler/batch.h"

namespace bp {

class StepParams {
 public:
  struct Limits {
    int max_tokens = 0;
    int max_seqs = 0;
    int max_outputs = 0;
    int max_pages_per_seq = 0;
    int rope_switch = 0;  // sequences of more tokens than that rotate by the second variant; 0: there is none
    const RopeConfig* dynamic_rope = nullptr;  // whose frequencies each token has its own of; null: there is none
  };

  // Allocates room for every parameter at its largest size, and adds it to `bindings` by the names of the model graph
  // contract (docs/architecture.md) and of the sampling graph.
  Status create(Device* device, const Limits& limits, Bindings& bindings);

  // Fills in `batch` and copies what it uses to the device. `queue` null: the reference, which reads the host's memory.
  Status write(const Batch& batch, Queue* queue);

 private:
  struct Field {
    uint64_t offset = 0;
    uint64_t used_bytes = 0;
  };
  template <class T>
  T* field(size_t index);
  void fill_rows(const Batch& batch);
  void fill_frequencies(const Batch& batch);
  void fill_sampling(const Batch& batch);

  Limits limits_;
  std::vector<Field> fields_;
  std::vector<std::byte> host_;
  std::optional<Buffer> device_;
};

}  // namespace bp
