// Runs batches of a model on one device: owns the weights there, the KV pages, the parameter buffers and a program for
// each bucket of sizes. With EngineOptions::overlap the device's queue has a thread of its own, and one step is
// enqueued while another runs. Not thread-safe: the engine thread's. The model and the device outlive it.
#pragma once

#include <array>
#include <chrono>
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
#include "engine/queue_thread.h"
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

  // Enqueues one step, in which pending tokens are those of the step before. What the batch points to is read before
  // the call returns. REQUIRES: no rehearsal; fewer than kStepsAhead steps are started and not finished.
  Status start(const Batch& batch);
  struct Finished {
    std::span<const int32_t> tokens;  // drawn for each row of logits, in order of the batch's rows
    // In which the device had nothing to do between the step before and this one: by its own events where launches are
    // asynchronous. 0 for the first, and where nobody knows.
    double gap_us = 0;
  };
  // Waits for the oldest step. Valid until the next start() but one.
  Result<Finished> finish();
  static constexpr uint64_t kStepsAhead = 2;

  // The rows of logits of the last step: [n_outputs, vocab] f32. Valid until the next start(). REQUIRES: all steps are
  // finished.
  Result<std::span<const float>> logits();

  // Told of each launch of every step started from now on, on the thread that runs it; null: nobody. It outlives the
  // steps. Engines with one enqueue no step before the one before is read. REQUIRES: all steps are finished.
  void set_observer(RunObserver* observer) { observer_ = observer; }
  bool is_observed() const { return observer_ != nullptr; }

  // Runs the program of the step started last again, on the inputs it had, and waits for it: the KV cache is written as
  // it was, nothing is drawn. REQUIRES: a step was started, and all are finished.
  Status repeat(RunObserver* observer);

  // Started so far: tells whether repeat() still repeats the same.
  uint64_t n_steps() const { return n_started_; }

  // What was watched so far, with EngineOptions::importance; else null.
  const ImportanceMatrix* importance() const { return probe_ ? &probe_->matrix() : nullptr; }

  int n_pages() const { return kv_.n_pages(); }
  int max_context() const { return max_context_; }
  // Compiles what run() would compile when it is first needed: every bucket's program.
  Status compile_all();
  // All that was allocated so far; in a rehearsal, all that would have been.
  MemoryUsage memory() const;
  // By the largest token count: of what is compiled so far.
  std::vector<std::pair<int, ProgramMemory>> program_memory() const;
  // The program that runs a batch of this many tokens.
  Result<Program*> program(int n_tokens);
  std::vector<std::string> fallback_ops() const;
  uint64_t kv_bytes() const { return kv_.size_bytes(); }

 private:
  Executor(const Model& model, Device* device, const EngineOptions& options);
  Status set_up();
  Status make_step_clock();
  Status size_context();
  Result<Program*> forward(int n_tokens);
  Status make_sampler();
  // What start() enqueues, on the thread that drives the queue.
  struct Step;
  Status run_step(Step& step);
  Status draw(Step& step);
  // Adds the launch that is to blame, where that can be found out.
  Error explain_fault(const Step& step, Error error);

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
  std::unique_ptr<Program> next_ids_;
  std::vector<float> host_logits_;
  int max_context_ = 0;
  int n_outputs_ = 0;  // of the step started last
  uint64_t n_started_ = 0;
  uint64_t n_finished_ = 0;
  std::array<std::unique_ptr<Step>, kStepsAhead> steps_;
  std::optional<std::chrono::steady_clock::time_point> last_end_;  // of a step's work; the queue thread's
  struct StepTimes {
    std::optional<Event> begin, end;
  };
  std::array<StepTimes, kStepsAhead + 2> step_times_;  // by number; those of the step before are still needed
  bool knows_gap_ = false;
  std::unique_ptr<QueueThread> thread_;  // null: launches run on the caller's
};

}  // namespace bp
