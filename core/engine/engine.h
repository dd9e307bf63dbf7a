// The step loop: requests in, tokens out. Owns the scheduler, the KV pages and the executor. With
// EngineOptions::overlap the device computes step N+1 while the caller deals with the tokens of step N: a sequence
// whose token N turns out to end it is computed once more, and what it drew there is never told. Not thread-safe: one
// thread calls it. The model and the device outlive it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/engine_options.h"
#include "engine/executor.h"
#include "model/model.h"
#include "scheduler/scheduler.h"

namespace bp {

// Rows of logits of one sequence: the row of token `position` first, [n_rows, vocab] f32. Valid during the call.
using LogitsSink = std::function<void(SequenceId sequence, int position, std::span<const float> rows)>;

class Engine {
 public:
  // `device` null: the reference. Errors: as Executor::create.
  static Result<std::unique_ptr<Engine>> create(const Model& model, Device* device, EngineOptions options);

  // Queues a request. A token that is not in the vocabulary is refused (kUsage).
  Result<SequenceId> add(Request request);
  // Ends a sequence; nothing more is said of it.
  void cancel(SequenceId sequence) { scheduler_->cancel(sequence); }

  // Waits for one step and tells its tokens: none where it computed only a part of prompts, or what no longer counts.
  // REQUIRES: !idle(). After an error the engine is of no further use.
  Result<std::vector<TokenEvent>> step();
  bool idle() const { return scheduler_->idle(); }

  struct StepStats {
    int n_tokens = 0;  // computed
    int n_seqs = 0;
    int n_outputs = 0;
    double gap_us = 0;  // in which the device waited for it, with the step before done
  };
  // Of the step whose tokens the last step() told.
  const StepStats& last_step() const { return last_step_; }

  // The rows of every step from now on; then no step is enqueued before the one before is read. REQUIRES: idle().
  void set_logits_sink(LogitsSink sink) { logits_sink_ = std::move(sink); }
  int max_context() const { return executor_->max_context(); }
  int kv_pages_in_use() const { return pages_->total_pages() - pages_->free_pages(); }
  Executor& executor() { return *executor_; }

 private:
  Engine() = default;
  // Plans a step and enqueues it, if there is one.
  Status start_step();
  Status report_logits(const Batch& batch);

  const Model* model_ = nullptr;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<PageAllocator> pages_;  // outlives the scheduler's page tables
  std::unique_ptr<Scheduler> scheduler_;
  std::deque<Batch> in_flight_;  // enqueued, oldest first
  bool overlaps_ = false;
  LogitsSink logits_sink_;
  StepStats last_step_;
};

}  // namespace bp
