#include "scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bp {
namespace {

bool in_batch(const Batch& batch, const Sequence& sequence) {
  return std::ranges::any_of(batch.items, [&](const BatchItem& item) { return item.sequence == &sequence; });
}

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options, PageAllocator& pages) : options_(options), pages_(&pages) {
  BP_CHECK(options.max_batch_tokens > 0 && options.max_seqs > 0 && options.max_outputs > 0 && options.page_size > 0);
}

Result<SequenceId> Scheduler::add(Request request) {
  if (request.prompt.empty()) return fail(ErrorCode::kUsage, "prompt", "has no tokens", "give at least one token");
  const int64_t n_prompt = static_cast<int64_t>(request.prompt.size());
  const int64_t n_total = n_prompt + std::max(request.max_new_tokens - 1, 0);  // the last token needs no KV
  const int64_t limit = std::min<int64_t>(options_.max_context, int64_t{pages_->total_pages()} * options_.page_size);
  if (n_prompt > limit) {
    return fail(ErrorCode::kUsage, "prompt", fmt::format("is too long ({} tokens, context {})", n_prompt, limit),
                "shorten it, or raise engine.max_context or kv.memory_fraction");
  }
  if (n_total > limit) request.max_new_tokens = static_cast<int>(limit - n_prompt + 1);
  waiting_.push_back(std::make_unique<Sequence>(next_id_, std::move(request), *pages_, options_.page_size));
  return next_id_++;
}

Batch Scheduler::next() {
  Batch batch;
  park();
  // By index: make_room may move sequences from the end of running_ to waiting_.
  for (size_t i = 0; i < running_.size(); ++i) {
    if (!schedule(*running_[i], batch)) break;
  }
  admit(batch);
  return batch;
}

void Scheduler::admit(Batch& batch) {
  while (!waiting_.empty() && static_cast<int>(batch.items.size()) < options_.max_seqs) {
    Sequence& sequence = *waiting_.front();
    // A whole prompt must fit, so that admitted sequences do not evict each other at once.
    if (sequence.pages.pages_missing(sequence.n_tokens()) > pages_->free_pages()) return;
    if (!schedule(sequence, batch)) return;
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool Scheduler::schedule(Sequence& sequence, Batch& batch) {
  const int budget = options_.max_batch_tokens - batch.n_tokens;
  const int outputs = options_.max_outputs - batch.n_outputs;
  if (budget <= 0 || outputs <= 0 || static_cast<int>(batch.items.size()) >= options_.max_seqs) return false;
  const int missing = sequence.n_tokens() - sequence.n_computed;
  int n = std::min(missing, budget);
  if (options_.max_chunk > 0) n = std::min(n, options_.max_chunk);
  // Rows of logits are wanted for prompt tokens computed for the first time only: a preempted sequence is not asked
  // twice.
  const bool all = sequence.request.all_logits && sequence.n_generated() == 0;
  if (all) n = std::min(n, outputs);
  if (!make_room(sequence, sequence.n_computed + n, batch)) return false;
  const bool last = n == missing;
  BatchItem item{&sequence, sequence.n_computed, n, all ? n : last ? 1 : 0, last, sequence.n_tokens()};
  if (last && sequence.tokens.back() == kPendingToken) item.pending_row = sequence.pending_row;
  batch.items.push_back(item);
  batch.n_tokens += n;
  batch.n_outputs += item.n_outputs;
  sequence.n_computed += n;
  ++sequence.n_in_flight;
  if (!last) return true;
  sequence.append_pending(batch.n_outputs - 1);
  if (options_.recompute_above > 0 && sequence.n_tokens() == options_.recompute_above + 1) sequence.n_computed = 0;
  return true;
}

bool Scheduler::make_room(Sequence& sequence, int n_tokens, const Batch& batch) {
  while (sequence.pages.pages_missing(n_tokens) > pages_->free_pages()) {
    if (running_.empty()) return false;
    Sequence& victim = *running_.back();
    if (&victim == &sequence || in_batch(batch, victim)) return false;
    victim.pages.clear();
    victim.n_computed = 0;
    waiting_.push_front(std::move(running_.back()));
    running_.pop_back();
  }
  return sequence.pages.grow(n_tokens).has_value();
}

std::vector<TokenEvent> Scheduler::commit(const Batch& batch, std::span<const int32_t> tokens) {
  std::vector<TokenEvent> events;
  size_t next_token = 0;
  for (const BatchItem& item : batch.items) {
    Sequence& sequence = *item.sequence;
    --sequence.n_in_flight;
    if (!item.samples) continue;
    BP_CHECK(next_token < tokens.size(), "{} tokens for more items", tokens.size());
    const int32_t token = tokens[next_token++];
    if (sequence.has_ended()) continue;
    sequence.resolve(item.n_known, token);
    events.push_back({sequence.id, token, sequence.finish});
  }
  retire();
  return events;
}

void Scheduler::park() {
  for (auto& sequence : running_) {
    if (!sequence->all_planned) continue;
    sequence->pages.clear();
    leaving_.push_back(std::move(sequence));
  }
  std::erase(running_, nullptr);
}

void Scheduler::retire() {
  const auto leave = [&](auto& sequences) {
    for (auto& sequence : sequences) {
      if (!sequence->has_ended()) continue;
      sequence->pages.clear();
      leaving_.push_back(std::move(sequence));
    }
    std::erase(sequences, nullptr);
  };
  leave(running_);
  leave(waiting_);
  for (auto& sequence : leaving_) {
    if (!sequence->has_ended() || sequence->n_in_flight > 0) continue;
    if (!sequence->is_cancelled) finished_.push_back(std::move(sequence));
    sequence.reset();
  }
  std::erase(leaving_, nullptr);
}

std::vector<std::unique_ptr<Sequence>> Scheduler::take_finished() { return std::exchange(finished_, {}); }

void Scheduler::cancel(SequenceId id) {
  const auto mark = [&](auto& sequences) {
    for (auto& sequence : sequences) {
      if (sequence->id == id && !sequence->has_ended()) sequence->is_cancelled = true;
    }
  };
  mark(waiting_);
  mark(running_);
  mark(leaving_);
  retire();
}

bool Scheduler::idle() const {
  return waiting_.empty() && running_.empty() &&
         std::ranges::all_of(leaving_, [](const auto& sequence) { return sequence->has_ended(); });
}

}  // namespace bp
