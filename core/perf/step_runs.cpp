#include "perf/step_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"
#include "perf/random_requests.h"

namespace bp {
namespace {

constexpr int kDepth = 256;  // tokens of context before a step that decodes

// A largest size, and half of it, within (bucket before, bucket].
std::vector<int> sizes_of(const std::vector<int>& wanted_buckets, int largest, int bucket) {
  const std::vector<int> buckets = bucket_sizes(wanted_buckets, largest);
  const auto at = std::ranges::lower_bound(buckets, bucket);
  const int least = at == buckets.begin() ? 1 : *(at - 1) + 1;
  const int half = std::max(bucket / 2, least);
  return half < bucket ? std::vector{bucket, half} : std::vector{bucket};
}

// Keeps an engine from enqueueing a step ahead.
class Watching : public RunObserver {
 public:
  explicit Watching(Engine& engine) : engine_(engine) { engine_.executor().set_observer(this); }
  ~Watching() override { engine_.executor().set_observer(nullptr); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  Status begin_run(const Program&, std::span<const int64_t>, Queue*) override { return {}; }
  Status begin_launch(size_t) override { return {}; }
  Status end_launch(size_t) override { return {}; }
  Status end_run() override { return {}; }

 private:
  Engine& engine_;
};

// Brings an engine to a step of some tokens.
class StepMaker {
 public:
  StepMaker(Engine& engine, const Model& model, const EngineOptions& options)
      : engine_(engine), model_(model), options_(options) {}

  // Whether the engine's last step is one of `n_tokens` now.
  Result<bool> make(int n_tokens) {
    if (last_tokens_ == n_tokens && last_step_ == engine_.executor().n_steps()) return true;
    last_tokens_ = 0;
    const int room = static_cast<int>(std::min<int64_t>(
        int64_t{engine_.executor().n_pages()} * options_.page_size / n_tokens, engine_.max_context()));
    const bool decodes = n_tokens <= options_.max_seqs && room >= 4;
    BP_TRY(const bool is_made, decodes ? decode(n_tokens, std::min(kDepth, room / 2)) : prefill(n_tokens));
    if (!is_made) return false;
    last_tokens_ = n_tokens;
    last_step_ = engine_.executor().n_steps();
    return true;
  }

 private:
  // Until a step has one token of each sequence.
  Result<bool> decode(int n_seqs, int depth) {
    const Watching watching(engine_);
    // The first to be read may go on while the others are.
    const int n_steps = n_seqs * depth / options_.max_batch_tokens + 2;
    const int n_new = std::min(n_steps + 2, engine_.max_context() - depth);
    BP_TRY(const auto ids, add_random_requests(engine_, model_, n_seqs, depth, n_new));
    bool is_made = false;
    while (!engine_.idle() && !is_made) {
      BP_TRY_VOID(engine_.step());
      is_made = engine_.last_step().n_tokens == n_seqs && engine_.last_step().n_seqs == n_seqs;
    }
    for (const SequenceId id : ids) engine_.cancel(id);
    return is_made;
  }

  // As few prompts as the context and the chunks allow.
  Result<bool> prefill(int n_tokens) {
    const Watching watching(engine_);
    int most = std::max(engine_.max_context() - 1, 1);
    if (options_.max_chunk > 0) most = std::min(most, options_.max_chunk);
    const int n_prompts = (n_tokens + most - 1) / most;
    std::vector<SequenceId> ids;
    for (int i = 0; i < n_prompts; ++i) {
      const int n = n_tokens * (i + 1) / n_prompts - n_tokens * i / n_prompts;
      BP_TRY(const auto added, add_random_requests(engine_, model_, 1, n, 1));
      ids.insert(ids.end(), added.begin(), added.end());
    }
    BP_TRY_VOID(engine_.step());
    for (const SequenceId id : ids) engine_.cancel(id);
    return engine_.last_step().n_tokens == n_tokens;
  }

  Engine& engine_;
  const Model& model_;
  const EngineOptions options_;
  int last_tokens_ = 0;  // 0: none
  uint64_t last_step_ = 0;
};

}  // namespace

Result<std::vector<RunAgain>> step_runs(Engine& engine, const Model& model, const EngineOptions& options, int bucket) {
  const auto maker = std::make_shared<StepMaker>(engine, model, options);
  std::vector<RunAgain> runs;
  for (const int size : sizes_of(options.buckets, options.max_batch_tokens, bucket)) {
    BP_TRY(const bool is_made, maker->make(size));
    if (!is_made) {
      log::debug("tuning: no step of {} tokens comes about, with {} pages", size, engine.executor().n_pages());
      continue;
    }
    runs.push_back([maker, size, &engine](RunObserver* observer) -> Status {
      BP_TRY(const bool is_again, maker->make(size));
      if (!is_again)
        return fail(ErrorCode::kFailed, "tune", fmt::format("no step of {} tokens comes about again", size));
      return engine.executor().repeat(observer);
    });
  }
  return runs;
}

std::vector<RunAgain> step_runs(Embedder& embedder, const Model& model, const EngineOptions& options, int bucket) {
  std::vector<RunAgain> runs;
  for (const int size : sizes_of(options.buckets, options.max_batch_tokens, bucket)) {
    const int n_texts = (size + embedder.max_tokens() - 1) / embedder.max_tokens();
    if (n_texts > options.max_seqs) continue;
    std::vector<std::vector<int32_t>> lists;
    for (int i = 0; i < n_texts; ++i) {
      const int n = size * (i + 1) / n_texts - size * i / n_texts;
      lists.push_back(random_tokens(model, n));
    }
    runs.push_back([&embedder, lists = std::move(lists)](RunObserver* observer) -> Status {
      embedder.set_observer(observer);
      const auto done = embedder.embed(lists);
      embedder.set_observer(nullptr);
      return done.has_value() ? Status{} : std::unexpected(done.error());
    });
  }
  return runs;
}

}  // namespace bp
