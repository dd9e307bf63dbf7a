// How an engine is set up: plain data, filled by the command line from the configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "compile/compiler_options.h"
#include "compile/kernel_table.h"
#include "compile/program.h"

namespace bp {

enum class FallbackPolicy : uint8_t { kError, kWarn, kAllow };

// Whether kernels run in the configurations that tuning has found.
enum class TuningUse : uint8_t {
  kOff,
  kUse,     // where there are any
  kOffline  // and a warning says where there are none
};

struct EngineOptions {
  int max_seqs = 64;                  // sequences in one step
  int max_batch_tokens = 512;         // tokens in one step
  int max_outputs = 0;                // rows of logits in one step; 0: as many as sequences
  int max_chunk = 0;                  // prompt tokens of one sequence in one step; 0: as many as fit
  int max_context = 0;                // tokens of one sequence; 0: the model's own limit
  int page_size = 16;                 // tokens in a KV page
  DType kv_dtype = DType::kInvalid;   // kInvalid: f32 for models of f32 weights, else f16
  DType act_dtype = DType::kInvalid;  // kInvalid: f32
  double kv_memory_fraction = 0.5;    // of the memory that the weights leave free
  uint64_t kv_max_bytes = 0;          // 0: no limit but the fraction
  std::vector<int> buckets{};  // token counts for which programs are made; empty: 1, 8, 32, 128, max_batch_tokens
  bool deterministic = true;   // all buckets run the same kernels, so that a sequence's tokens depend on nothing else
  bool overlap = true;         // a step is enqueued before the tokens of the one before are read
  CaptureMode capture = CaptureMode::kAuto;  // kOn: an error where the device has no native graphs
  bool strict = false;                       // check every launch (compile/strict_check.h) and every copy: slow
  bool importance = false;  // watch the inputs of matrix products (importance_probe.h); needs f32 activations
  FallbackPolicy op_fallback = FallbackPolicy::kWarn;
  KernelSelection kernels{};
  CompilerOptions compiler{};  // its `deterministic` follows the one above
  TuningUse tuning = TuningUse::kOff;
  std::string tuning_folder{};  // of tuning_cache.h
  // Plans everything as it would be and allocates nothing: an engine that says what it takes and cannot run. No weight
  // is read.
  bool rehearse = false;
  // Where it is set: gives the graph other weights of the same types and sizes, to time kernels before a model is
  // loaded.
  std::function<void(Graph&)> replace_weights{};
};

}  // namespace bp
