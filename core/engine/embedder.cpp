#include "engine/embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/log.h"

namespace bp {
namespace {

constexpr uint64_t kAlign = 64 / sizeof(int32_t);

// The parameters of a step in one buffer, each at its largest size: where it begins, in numbers.
struct Layout {
  uint64_t token_ids, positions, seq_start, pooled_rows, size;

  Layout(int max_tokens, int max_seqs) {
    const auto padded = [](int n) { return (static_cast<uint64_t>(n) + kAlign - 1) / kAlign * kAlign; };
    token_ids = 0;
    positions = padded(max_tokens);
    seq_start = positions + padded(max_tokens);
    pooled_rows = seq_start + padded(max_seqs + 1);
    size = pooled_rows + padded(max_seqs);
  }
};

}  // namespace

Result<std::unique_ptr<Embedder>> Embedder::create(const Model& model, Device* device, EngineOptions options) {
  if (model.config().pooling == Pooling::kOff) {
    return fail(ErrorCode::kUsage, model.path(),
                fmt::format("is a {} model, which continues text: how its states make an embedding is not defined",
                            model.config().architecture),
                "take an encoder, such as BERT");
  }
  std::unique_ptr<Embedder> embedder(new Embedder(model, std::move(options)));
  BP_TRY_VOID(embedder->set_up(device));
  return embedder;
}

Status Embedder::set_up(Device* device) {
  const ModelConfig& config = model_.config();
  const int64_t limit = config.max_input > 0 ? std::min(config.max_input, config.context) : config.context;
  max_tokens_ = static_cast<int>(std::min<int64_t>(limit, INT32_MAX));
  if (options_.max_context > 0) max_tokens_ = std::min(max_tokens_, options_.max_context);
  options_.max_batch_tokens = std::max({options_.max_batch_tokens, options_.max_seqs, max_tokens_});
  if (options_.act_dtype == DType::kInvalid) options_.act_dtype = DType::kF32;
  buckets_ = bucket_sizes(options_.buckets, options_.max_batch_tokens);
  BP_TRY(shared_, DevicePrograms::create(device, options_));

  const Layout layout(options_.max_batch_tokens, options_.max_seqs);
  host_params_.resize(layout.size);
  BP_TRY(params_, shared_->source().create(layout.size * sizeof(int32_t), "params"));
  const auto bind = [&](const char* name, uint64_t at, int n) {
    bindings_[name] = {&*params_, at * sizeof(int32_t), static_cast<uint64_t>(n) * sizeof(int32_t)};
  };
  bind("token_ids", layout.token_ids, options_.max_batch_tokens);
  bind("positions", layout.positions, options_.max_batch_tokens);
  bind("seq_start", layout.seq_start, options_.max_seqs + 1);
  bind("pooled_rows", layout.pooled_rows, options_.max_seqs);
  const uint64_t bytes =
      static_cast<uint64_t>(options_.max_seqs) * static_cast<uint64_t>(config.hidden) * sizeof(float);
  BP_TRY(embeddings_, shared_->source().create(bytes, "embedding"));
  bindings_["embedding"] = {&*embeddings_, 0, bytes};
  BP_TRY(const Program* largest, forward(options_.max_batch_tokens));
  BP_TRY_VOID(shared_->check_fallback(*largest));
  BP_TRY_VOID(shared_->measure_driver(memory().slabs()));
  log::debug("embedder: {}", memory_text(memory()));
  return {};
}

Status Embedder::compile_all() {
  for (const int size : buckets_) BP_TRY_VOID(forward(size));
  return shared_->measure_driver(memory().slabs());
}

std::vector<std::pair<int, ProgramMemory>> Embedder::program_memory() const {
  std::vector<std::pair<int, ProgramMemory>> memory;
  for (const auto& [bucket, program] : forward_) memory.emplace_back(bucket, program->memory());
  return memory;
}

MemoryUsage Embedder::memory() const {
  MemoryUsage usage = shared_->memory();
  usage.staging = params_->size_bytes() + host_params_.size() * sizeof(int32_t);
  usage.activations += embeddings_->size_bytes();
  for (const auto& [bucket, program] : forward_) add_program(usage, *program);
  return usage;
}

Result<Program*> Embedder::forward(int n_tokens) {
  const auto bucket = std::ranges::lower_bound(buckets_, n_tokens);
  BP_CHECK(bucket != buckets_.end(), "{} tokens, buckets to {}", n_tokens, buckets_.back());
  if (const auto made = forward_.find(*bucket); made != forward_.end()) return made->second.get();
  GraphOptions options;
  options.max_tokens = *bucket;
  options.max_seqs = std::min(options_.max_seqs, *bucket);
  options.act_dtype = options_.act_dtype;
  BP_TRY(Graph graph, model_.build_graph(options));
  set_least_tokens(graph, buckets_, static_cast<size_t>(bucket - buckets_.begin()), options_.deterministic);
  BP_TRY(auto program, shared_->compile(std::move(graph), bindings_));
  return (forward_[*bucket] = std::move(program)).get();
}

Result<Program*> Embedder::program(int n_tokens) { return forward(std::min(n_tokens, options_.max_batch_tokens)); }

std::vector<std::string> Embedder::fallback_ops() const {
  std::vector<std::string> ops;
  for (const auto& [bucket, program] : forward_) {
    for (const std::string& op : program->fallback_ops()) {
      if (std::ranges::find(ops, op) == ops.end()) ops.push_back(op);
    }
  }
  return ops;
}

Status Embedder::check(std::span<const std::vector<int32_t>> lists) const {
  for (size_t i = 0; i < lists.size(); ++i) {
    const std::string where = fmt::format("list {}", i + 1);
    if (lists[i].empty()) return fail(ErrorCode::kUsage, where, "has no tokens", "give at least one");
    if (lists[i].size() > static_cast<size_t>(max_tokens_)) {
      return fail(ErrorCode::kUsage, where,
                  fmt::format("is too long ({} tokens, the model takes {})", lists[i].size(), max_tokens_),
                  "shorten it");
    }
    for (const int32_t token : lists[i]) {
      if (token >= 0 && token < model_.config().vocab) continue;
      return fail(ErrorCode::kUsage, where,
                  fmt::format("token {} is not in the vocabulary (0 to {})", token, model_.config().vocab - 1),
                  "give ids of this model's tokenizer");
    }
  }
  return {};
}

Result<std::vector<std::vector<float>>> Embedder::embed(std::span<const std::vector<int32_t>> lists) {
  BP_CHECK(!options_.rehearse, "a step of a rehearsal");
  BP_TRY_VOID(check(lists));
  std::vector<std::vector<float>> out;
  for (size_t begin = 0; begin < lists.size();) {
    size_t end = begin;
    int n_tokens = 0;
    while (end < lists.size() && end - begin < static_cast<size_t>(options_.max_seqs)) {
      const int n = static_cast<int>(lists[end].size());
      if (n > options_.max_batch_tokens - n_tokens) break;
      n_tokens += n;
      ++end;
    }
    BP_TRY_VOID(run(lists.subspan(begin, end - begin), n_tokens, out));
    begin = end;
  }
  return out;
}

// One step.
Status Embedder::run(std::span<const std::vector<int32_t>> lists, int n_tokens, std::vector<std::vector<float>>& out) {
  BP_TRY(Program * program, forward(n_tokens));
  BP_TRY_VOID(write_params(lists, n_tokens));
  std::vector<int64_t> sizes;
  for (const Symbol& symbol : program->graph().symbols) {
    sizes.push_back(symbol.name == "n_tokens" ? n_tokens : static_cast<int64_t>(lists.size()));
  }
  BP_TRY_VOID(program->run(sizes, ++step_, observer_));
  const auto hidden = static_cast<size_t>(model_.config().hidden);
  std::vector<float> rows(lists.size() * hidden);
  BP_TRY_VOID(shared_->read(*embeddings_, rows.size() * sizeof(float), rows.data()));
  for (size_t i = 0; i < lists.size(); ++i) {
    out.emplace_back(rows.begin() + static_cast<ptrdiff_t>(i * hidden),
                     rows.begin() + static_cast<ptrdiff_t>((i + 1) * hidden));
  }
  return {};
}

Status Embedder::write_params(std::span<const std::vector<int32_t>> lists, int n_tokens) {
  const Layout layout(options_.max_batch_tokens, options_.max_seqs);
  int32_t* params = host_params_.data();
  int32_t row = 0;
  for (size_t s = 0; s < lists.size(); ++s) {
    params[layout.seq_start + s] = row;
    const auto n = static_cast<int32_t>(lists[s].size());
    params[layout.pooled_rows + s] = model_.config().pooling == Pooling::kLast ? row + n - 1 : row;
    for (int32_t i = 0; i < n; ++i, ++row) {
      params[layout.token_ids + static_cast<uint64_t>(row)] = lists[s][static_cast<size_t>(i)];
      params[layout.positions + static_cast<uint64_t>(row)] = i;
    }
  }
  params[layout.seq_start + lists.size()] = row;

  const std::pair<uint64_t, uint64_t> parts[] = {{layout.token_ids, static_cast<uint64_t>(n_tokens)},
                                                 {layout.positions, static_cast<uint64_t>(n_tokens)},
                                                 {layout.seq_start, lists.size() + 1},
                                                 {layout.pooled_rows, lists.size()}};
  std::array<bp_span, std::size(parts)> to, from;
  for (size_t i = 0; i < std::size(parts); ++i) {
    const uint64_t offset = parts[i].first * sizeof(int32_t), bytes = parts[i].second * sizeof(int32_t);
    if (shared_->queue() == nullptr) {
      std::memcpy(params_->host() + offset, params + parts[i].first, bytes);
      continue;
    }
    from[i] = {nullptr, params + parts[i].first, 0, bytes};
    to[i] = params_->span(offset, bytes);
  }
  return shared_->queue() == nullptr ? Status{} : shared_->queue()->copy(to, from);
}

}  // namespace bp
