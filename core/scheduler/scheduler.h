// Decides what each step computes: running sequences first (a token each), then prompts in order of arrival, in chunks,
// within one token budget. A step may be planned while the one before it still runs. Pages are given back as soon as
// nothing more is planned with them: steps run one after another, so who gets them writes after who had them. Pure
// bookkeeping: no device, no clock. Not thread-safe: the engine thread's. Invariant: a sequence is waiting, running,
// leaving or finished; only running ones hold pages.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "kv/page_allocator.h"
#include "scheduler/batch.h"

namespace bp {

struct SchedulerOptions {
  int max_batch_tokens = 512;  // tokens in one step
  int max_seqs = 64;           // sequences in one step
  int max_outputs = 64;        // rows of logits in one step, >= 1
  int max_chunk = 0;           // prompt tokens of one sequence in one step; 0: as many as fit
  int max_context = 0;         // tokens of one sequence
  int page_size = 16;
  // A sequence that grows beyond so many tokens is computed anew: its keys are rotated otherwise then. 0: never.
  int recompute_above = 0;
};

class Scheduler {
 public:
  // `pages` outlives the scheduler.
  Scheduler(const SchedulerOptions& options, PageAllocator& pages);

  // Queues a request. Errors (kUsage): an empty prompt, or one that with its new tokens exceeds the context or all
  // pages.
  Result<SequenceId> add(Request request);

  // The next step; empty when there is none to plan until a step is committed. Where pages run out, the sequence that
  // came last gives its pages back and is computed again later. REQUIRES: at most one step is planned and not
  // committed.
  Batch next();

  // The results of the oldest planned step: one token per item that samples, in order of items. Returns the tokens that
  // count: not those of sequences that ended before.
  std::vector<TokenEvent> commit(const Batch& batch, std::span<const int32_t> tokens);

  // Sequences that ended since the last call and are in no planned step; they hold no pages any more.
  std::vector<std::unique_ptr<Sequence>> take_finished();
  // Ends a sequence without a result. Unknown or finished ids are ignored.
  void cancel(SequenceId id);
  // Nothing is left to plan, and every token that counts is told.
  bool idle() const;

 private:
  bool schedule(Sequence& sequence, Batch& batch);
  bool make_room(Sequence& sequence, int n_tokens, const Batch& batch);
  void admit(Batch& batch);
  // Moves running sequences without a further step to leaving_.
  void park();
  // Moves sequences that ended out of the way, as far as no planned step has them.
  void retire();

  SchedulerOptions options_;
  PageAllocator* pages_;
  SequenceId next_id_ = 0;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of arrival
  std::vector<std::unique_ptr<Sequence>> leaving_;  // all planned, but in a step that is not committed
  std::vector<std::unique_ptr<Sequence>> finished_;
};

}  // namespace bp
