#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace bp {
namespace {

// The type of the largest weight: what the model as a whole is said to be in.
DType largest_dtype(const Model& model) {
  const auto& all = model.weights().all();
  const auto largest = std::ranges::max_element(all, {}, [](const auto& entry) { return entry.second.bytes.size(); });
  return largest == all.end() ? DType::kF32 : largest->second.dtype;
}

void fill_in(EngineOptions& options, const Model& model) {
  if (options.max_outputs <= 0) options.max_outputs = options.max_seqs;
  options.max_batch_tokens = std::max(options.max_batch_tokens, options.max_seqs);
  if (options.kv_dtype == DType::kInvalid) {
    options.kv_dtype = largest_dtype(model) == DType::kF32 ? DType::kF32 : DType::kF16;
  }
  if (options.act_dtype == DType::kInvalid) options.act_dtype = DType::kF32;
  options.buckets = bucket_sizes(options.buckets, options.max_batch_tokens);
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(const Model& model, Device* device, EngineOptions options) {
  if (model.config().pooling != Pooling::kOff) {
    return fail(ErrorCode::kUsage, model.path(),
                fmt::format("is a {} encoder, which continues no text", model.config().architecture),
                "use backplane embed, or eval --tokens --logits, for its embeddings");
  }
  fill_in(options, model);
  std::unique_ptr<Engine> engine(new Engine);
  engine->model_ = &model;
  BP_TRY(engine->executor_, Executor::create(model, device, options));
  engine->pages_ = std::make_unique<PageAllocator>(engine->executor_->n_pages());
  SchedulerOptions scheduling;
  scheduling.max_batch_tokens = options.max_batch_tokens;
  scheduling.max_seqs = options.max_seqs;
  scheduling.max_outputs = options.max_outputs;
  scheduling.max_chunk = options.max_chunk;
  scheduling.max_context = engine->executor_->max_context();
  scheduling.page_size = options.page_size;
  scheduling.recompute_above = model.rope_switch();
  engine->scheduler_ = std::make_unique<Scheduler>(scheduling, *engine->pages_);
  engine->overlaps_ = options.overlap && !options.importance;
  return engine;
}

Result<SequenceId> Engine::add(Request request) {
  const auto vocab = model_->config().vocab;
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= vocab) {
      return fail(ErrorCode::kUsage, "prompt",
                  fmt::format("token {} is not in the vocabulary (0 to {})", token, vocab - 1),
                  "give ids of this model's tokenizer");
    }
  }
  return scheduler_->add(std::move(request));
}

Status Engine::start_step() {
  Batch batch = scheduler_->next();
  if (batch.empty()) return {};
  BP_TRY_VOID(executor_->start(batch));
  in_flight_.push_back(std::move(batch));
  return {};
}

Result<std::vector<TokenEvent>> Engine::step() {
  if (in_flight_.empty()) BP_TRY_VOID(start_step());
  const Status ahead = overlaps_ && !logits_sink_ && !executor_->is_observed() ? start_step() : Status{};
  BP_CHECK(!in_flight_.empty(), "a step of an idle engine");
  // Where both fail, the earlier step has the cause.
  BP_TRY(const Executor::Finished done, executor_->finish());
  BP_TRY_VOID(ahead);
  const Batch batch = std::move(in_flight_.front());
  in_flight_.pop_front();
  last_step_ = {batch.n_tokens, static_cast<int>(batch.items.size()), batch.n_outputs, done.gap_us};
  if (logits_sink_) BP_TRY_VOID(report_logits(batch));
  std::vector<int32_t> tokens;
  size_t row = 0;
  for (const BatchItem& item : batch.items) {
    row += static_cast<size_t>(item.n_outputs);
    if (item.samples) tokens.push_back(done.tokens[row - 1]);
  }
  std::vector<TokenEvent> events = scheduler_->commit(batch, tokens);
  scheduler_->take_finished();
  return events;
}

Status Engine::report_logits(const Batch& batch) {
  BP_TRY(const std::span<const float> rows, executor_->logits());
  const auto vocab = static_cast<size_t>(model_->config().vocab);
  size_t row = 0;
  for (const BatchItem& item : batch.items) {
    const auto n = static_cast<size_t>(item.n_outputs);
    if (n > 0)
      logits_sink_(item.sequence->id, item.first + item.n_tokens - item.n_outputs,
                   rows.subspan(row * vocab, n * vocab));
    row += n;
  }
  return {};
}

}  // namespace bp
