// Runs batches of a model on one device: owns the weights there, the KV pages, the parameter buffers and a program for
// each bucket of sizes. Not thread-safe: the engine thread's. The model and the device outlive it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "compile/program.h"
#include "engine/device_programs.h"
#include "engine/engine_options.h"
#include "engine/importance_probe.h"
#include "engine/kv_cache.h"
#include "engine/step_params.h"
#include "model/model.h"
#include "scheduler/batch.h"

namespace bp {

class Executor {
 public:
  // Loads the weights and compiles the largest program. `device` null: the reference. `options` has no zeros left to
  // fill in but the KV size. Errors: kOutOfMemory, kDevice, kUnsupported; kFailed where an op falls back and the policy
  // forbids it.
  static Result<std::unique_ptr<Executor>> create(const Model& model, Device* device, const EngineOptions& options);
  ~Executor();

  // One step. Returns the token drawn for each row of logits, in order of the batch's rows. Valid until the next run().
  Result<std::span<const int32_t>> run(const Batch& batch);
  // The rows of logits of the last run: [n_outputs, vocab] f32. Valid until the next run().
  Result<std::span<const float>> logits();

  // Told of each launch of every run from now on; null: nobody. It outlives the runs.
  void set_observer(RunObserver* observer) { observer_ = observer; }

  // What was watched so far, with EngineOptions::importance; else null.
  const ImportanceMatrix* importance() const { return probe_ ? &probe_->matrix() : nullptr; }

  int n_pages() const { return kv_.n_pages(); }
  int max_context() const { return max_context_; }
  // The program that runs a batch of this many tokens.
  Result<const Program*> program(int n_tokens);
  std::vector<std::string> fallback_ops() const;
  uint64_t weight_bytes() const { return shared_->weight_bytes(); }
  uint64_t kv_bytes() const { return kv_.size_bytes(); }

 private:
  Executor(const Model& model, Device* device, const EngineOptions& options);
  Status set_up();
  Status size_context();
  Result<Program*> forward(int n_tokens);
  Status make_sampler();

  const Model& model_;
  Device* device_;
  EngineOptions options_;
  std::unique_ptr<DevicePrograms> shared_;
  KvCache kv_;
  StepParams params_;
  std::optional<Buffer> logits_;
  std::optional<Buffer> tokens_;
  Bindings bindings_;
  std::optional<ImportanceProbe> probe_;
  RunObserver* observer_ = nullptr;
  std::map<int, std::unique_ptr<Program>> forward_;  // by the largest token count
  std::unique_ptr<Program> sampler_;
  std::vector<float> host_logits_;
  std::vector<int32_t> host_tokens_;
  int max_context_ = 0;
  int n_outputs_ = 0;
  uint64_t step_ = 0;
};

}  // namespace bp
