// What all programs of one model on one device share: the queue, the kernels, the weights there and the arena.
// Not thread-safe: one thread compiles and runs. The device outlives it, and it outlives the programs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compile/program.h"
#include "compile/tuning.h"
#include "engine/engine_options.h"
#include "memory/memory_usage.h"
#include "plugin_host/queue.h"

namespace bp {

class DevicePrograms {
 public:
  // `device` null: the reference. Errors: kDevice, kOutOfMemory; kUsage where native graphs are demanded and the device
  // has none.
  static Result<std::unique_ptr<DevicePrograms>> create(Device* device, const EngineOptions& options);

  // Whether the graph's program becomes native graphs: the device has them, and the options want it. A graph computes
  // every row of its bucket, which costs little where steps decode and twice a prompt where it half fills one: by
  // itself it is done up to the bucket that one token of each sequence needs.
  bool captures(const Graph& graph) const;
  // Loads the graph's weights where they are not there yet. `optimize` false: the nodes as they are. Errors: as
  // Program::compile.
  Result<std::unique_ptr<Program>> compile(Graph graph, const Bindings& bindings, bool optimize = true);
  // Ops that run on the reference although there is a device: warned of or refused (kFailed), as the options say.
  Status check_fallback(const Program& program) const;
  // From the device to `to`; waits for what was enqueued before.
  Status read(const Buffer& from, uint64_t n_bytes, void* to) { return read({&from, 0, n_bytes}, to); }
  Status read(const BufferSpan& from, void* to);

  // Slabs that programs share, and what was found to be taken beside slabs. Not what lives with a program.
  MemoryUsage memory() const;
  // Looks at the device again: what went, but for `slab_bytes`, is the driver's. For memory() from then on.
  Status measure_driver(uint64_t slab_bytes);

  const SlabSource& source() const { return source_; }
  Device* device() const { return source_.device; }
  Queue* queue() { return queue_ ? &*queue_ : nullptr; }  // null: the reference

 private:
  DevicePrograms(const SlabSource& source, const EngineOptions& options)
      : source_(source),
        op_fallback_(options.op_fallback),
        tuning_use_(options.tuning),
        strict_(options.strict),
        compiler_(options.compiler) {
    compiler_.deterministic = options.deterministic;
  }

  SlabSource source_;
  uint64_t driver_bytes_ = 0;  // found, not declared by plans
  uint64_t free_before_ = 0;   // on the device, before anything of the model; 0: not known
  FallbackPolicy op_fallback_;
  TuningUse tuning_use_;
  int64_t capture_tokens_ = -1;  // the largest bucket that becomes native graphs
  bool strict_ = false;
  uint64_t n_programs_ = 0;  // compiled so far
  CompilerOptions compiler_;
  std::optional<Queue> queue_;
  std::optional<KernelTable> kernels_;
  std::optional<Tuning> tuning_;
  std::unique_ptr<WeightStore> weights_;
  std::unique_ptr<Arena> arena_;
};

// Adds what a program keeps to itself.
void add_program(MemoryUsage& usage, const Program& program);
// One line for the debug log.
std::string memory_text(const MemoryUsage& usage);

// Token counts for which programs are made: those of the options, or the usual ones; ascending, the last one `largest`.
std::vector<int> bucket_sizes(const std::vector<int>& wanted, int largest);

// Adds an input "len.<symbol>" (an i32 scalar) for each size that stands for itself, which holds the true one: kernels
// in a native graph read it there.
void add_lengths(Graph& graph);

// Prepares a graph for the bucket that ends with `buckets[index]`: what is the least number of tokens it is run with. A
// kernel for many rows alone would give other bits than the one for few: deterministic engines see all sizes at once.
void set_least_tokens(Graph& graph, const std::vector<int>& buckets, size_t index, bool deterministic);

}  // namespace bp
