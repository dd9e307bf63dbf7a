// The tensors of a GGUF file, each converted from what a model has, on several threads. Thread-safe: a function.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/gguf_entries.h"
#include "model/gguf_file_writer.h"
#include "model/importance.h"
#include "model/weight_view.h"

namespace bp {

// A tensor to be written: what it is made of, and as what.
struct TensorJob {
  WeightView from;
  GgufTensor to;                           // its elements are as many, in rows as long, as those of `from`
  const Importance* importance = nullptr;  // null: none
  std::vector<int64_t> rows{};             // row i of the file is row rows[i] of `from`; empty: in their order
};

struct WriteOptions {
  int n_threads = 0;                                            // 0: as many as the machine has
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes read; called by the calling thread
  std::stop_token stop;
};

// Writes a GGUF of these entries and tensors, converting each row on one of several threads; the file does not depend
// on how many. Returns its size in bytes. Errors: those of GgufFileWriter; kFailed naming tensor and row where a value
// does not fit its type; kInterrupted. Nothing is left behind then.
Result<uint64_t> write_tensors(const std::string& path, const GgufEntries& entries, const std::vector<TensorJob>& jobs,
                               const WriteOptions& options);

}  // namespace bp
