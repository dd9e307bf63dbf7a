// The parameters of a step in device memory: token ids, positions, lengths, page tables, sampling. Filled in on the
// host, in one of two stages, and copied over before each run, so that programs never change: while the step of one
// stage runs, the next is filled into the other. Thread-safety: different stages on different threads.
#pragma once

#include <array>
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
  Status create(const SlabSource& source, const Limits& limits, Bindings& bindings);

  // Sizes up to which parameters hold something harmless past the batch's own: for launches that compute all rows of a
  // bucket. Zeros: none do.
  struct Padding {
    int n_tokens = 0, n_seqs = 0, n_outputs = 0;
  };

  // Fills in `batch` on the host. `n_drawn`: the rows of logits of the step before. Returns whether that step draws
  // tokens that this one computes: "id_rows" [n_drawn] says then which row of "token_ids" each is for, -1: none.
  // REQUIRES: stage < kStages, and what was copied from it before is done.
  bool fill(const Batch& batch, size_t stage, int n_drawn, const Padding& padding);
  // Enqueues the copy of the stage to the device. `queue` null: the reference, which reads the host's memory.
  Status copy(size_t stage, Queue* queue);

  // On the device and on the host.
  uint64_t size_bytes() const { return (1 + kStages) * device_->size_bytes(); }

  static constexpr size_t kStages = 2;

 private:
  struct Stage {
    std::vector<std::byte> pageable;  // used where the device has no pinned memory
    std::optional<Memory> pinned;
    std::byte* bytes = nullptr;
    std::vector<uint64_t> used_bytes;  // by field
  };
  template <class T>
  T* field(Stage& stage, size_t index) const;
  Status create_stage(const SlabSource& source, uint64_t size_bytes, Stage& stage);
  bool fill_rows(const Batch& batch, Stage& stage, int n_drawn);
  void fill_frequencies(const Batch& batch, Stage& stage);
  void fill_sampling(const Batch& batch, Stage& stage);
  void fill_lengths(const Batch& batch, Stage& stage);
  void pad(const Batch& batch, Stage& stage, const Padding& padding);

  Limits limits_;
  std::vector<uint64_t> offsets_;  // by field
  std::array<Stage, kStages> stages_;
  std::optional<Buffer> device_;
};

}  // namespace bp
