#include "engine/executor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "engine/sample_graph.h"

namespace bp {
namespace {

uint64_t free_bytes(const Device* device) {
  if (device == nullptr) {
    return static_cast<uint64_t>(::sysconf(_SC_AVPHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  for (const bp_heap& heap : device->heaps()) {
    if (heap.flags & BP_HEAP_DEVICE) return heap.free_now != 0 ? heap.free_now : heap.bytes;
  }
  return device->info().memory_bytes;
}

GraphOptions graph_options(const EngineOptions& options, int max_context) {
  GraphOptions graph;
  graph.max_tokens = options.max_batch_tokens;
  graph.max_seqs = options.max_seqs;
  graph.max_outputs = options.max_outputs;
  graph.page_size = options.page_size;
  graph.n_pages = 1;
  graph.max_pages_per_seq = (max_context + options.page_size - 1) / options.page_size;
  graph.kv_dtype = options.kv_dtype;
  graph.act_dtype = options.act_dtype;
  return graph;
}

}  // namespace

Executor::Executor(const Model& model, Device* device, const EngineOptions& options)
    : model_(model), device_(device), options_(options) {}

Executor::~Executor() = default;

Result<std::unique_ptr<Executor>> Executor::create(const Model& model, Device* device, const EngineOptions& options) {
  std::unique_ptr<Executor> executor(new Executor(model, device, options));
  BP_TRY_VOID(executor->set_up());
  return executor;
}

Status Executor::set_up() {
  BP_TRY(shared_, DevicePrograms::create(device_, options_));
  BP_TRY_VOID(size_context());
  BP_TRY(const Program* largest, forward(options_.max_batch_tokens));
  BP_TRY_VOID(shared_->check_fallback(*largest));
  return make_sampler();
}

// How many pages there are, then everything whose size follows from it.
Status Executor::size_context() {
  const int limit = static_cast<int>(std::min<int64_t>(model_.config().context, INT32_MAX));
  max_context_ = options_.max_context > 0 ? std::min(options_.max_context, limit) : limit;
  GraphOptions options = graph_options(options_, max_context_);
  BP_TRY(const Graph one_page, model_.build_graph(options));
  BP_TRY(const uint64_t page_bytes, KvCache::page_bytes(one_page));
  const auto fraction = static_cast<double>(free_bytes(device_)) * options_.kv_memory_fraction;
  uint64_t budget = static_cast<uint64_t>(fraction);
  if (options_.kv_max_bytes > 0) budget = std::min(budget, options_.kv_max_bytes);
  const uint64_t wanted = static_cast<uint64_t>(options.max_pages_per_seq) * static_cast<uint64_t>(options_.max_seqs);
  const uint64_t n_pages = std::min<uint64_t>(
      {wanted, budget / std::max<uint64_t>(page_bytes, 1), uint64_t{INT32_MAX} / options_.page_size});
  if (n_pages == 0) {
    return fail(ErrorCode::kOutOfMemory, "kv",
                fmt::format("one page needs {} bytes, {} are allowed", page_bytes, budget),
                "raise kv.memory_fraction or kv.max_bytes");
  }
  max_context_ = static_cast<int>(
      std::min<uint64_t>(static_cast<uint64_t>(max_context_), n_pages * static_cast<uint64_t>(options_.page_size)));
  options.n_pages = static_cast<int64_t>(n_pages);
  options.max_pages_per_seq = (max_context_ + options_.page_size - 1) / options_.page_size;
  BP_TRY(const Graph graph, model_.build_graph(options));
  BP_TRY_VOID(kv_.create(device_, graph, static_cast<int>(n_pages), bindings_));
  const bool is_dynamic = model_.config().rope.type == RopeType::kDynamic;
  const StepParams::Limits limits{options_.max_batch_tokens, options_.max_seqs,
                                  options_.max_outputs,      static_cast<int>(options.max_pages_per_seq),
                                  model_.rope_switch(),      is_dynamic ? &model_.config().rope : nullptr};
  BP_TRY_VOID(params_.create(device_, limits, bindings_));
  const uint64_t logits_bytes =
      static_cast<uint64_t>(options_.max_outputs) * static_cast<uint64_t>(model_.config().vocab) * sizeof(float);
  BP_TRY(logits_, Buffer::create(device_, logits_bytes, "logits"));
  BP_TRY(tokens_,
         Buffer::create(device_, static_cast<uint64_t>(options_.max_outputs) * sizeof(int32_t), "next_tokens"));
  bindings_["logits"] = {&*logits_, 0, logits_->size_bytes()};
  bindings_["next_tokens"] = {&*tokens_, 0, tokens_->size_bytes()};
  return {};
}

Result<Program*> Executor::forward(int n_tokens) {
  const auto& buckets = options_.buckets;
  const auto bucket = std::ranges::lower_bound(buckets, n_tokens);
  BP_CHECK(bucket != buckets.end(), "{} tokens, buckets to {}", n_tokens, buckets.back());
  if (const auto made = forward_.find(*bucket); made != forward_.end()) return made->second.get();
  GraphOptions options = graph_options(options_, max_context_);
  options.n_pages = kv_.n_pages();
  options.max_tokens = *bucket;
  options.max_seqs = std::min(options_.max_seqs, *bucket);
  options.max_outputs = std::min(options_.max_outputs, *bucket);
  BP_TRY(Graph graph, model_.build_graph(options));
  set_least_tokens(graph, buckets, static_cast<size_t>(bucket - buckets.begin()), options_.deterministic);
  if (options_.importance) {
    const bool first = !probe_;
    if (first) probe_.emplace();
    BP_TRY_VOID(probe_->add_outputs(graph));
    if (first) BP_TRY_VOID(probe_->bind(device_, graph, bindings_));
  }
  BP_TRY(auto program, shared_->compile(std::move(graph), bindings_));
  log::debug("engine: compiled the bucket up to {} tokens ({} launches, {} bytes of activations)", *bucket,
             program->n_launches(), program->memory().arena_bytes);
  return (forward_[*bucket] = std::move(program)).get();
}

Status Executor::make_sampler() {
  BP_TRY(Graph graph, sample_graph(options_.max_outputs, model_.config().vocab));
  BP_TRY(sampler_, shared_->compile(std::move(graph), bindings_));
  return shared_->check_fallback(*sampler_);
}

Result<std::span<const int32_t>> Executor::run(const Batch& batch) {
  BP_TRY(Program * program, forward(batch.n_tokens));
  BP_TRY_VOID(params_.write(batch, shared_->queue()));
  ++step_;
  n_outputs_ = batch.n_outputs;
  std::vector<int64_t> sizes;
  for (const Symbol& symbol : program->graph().symbols) {
    const bool tokens = symbol.name == "n_tokens";
    sizes.push_back(tokens                    ? batch.n_tokens
                    : symbol.name == "n_seqs" ? static_cast<int64_t>(batch.items.size())
                                              : batch.n_outputs);
  }
  BP_TRY_VOID(program->run(sizes, step_, observer_));
  if (probe_) BP_TRY_VOID(probe_->collect(program->graph(), sizes, *shared_));
  host_tokens_.resize(static_cast<size_t>(n_outputs_));
  if (n_outputs_ == 0) return std::span<const int32_t>{};
  BP_TRY_VOID(sampler_->run(std::array<int64_t, 1>{n_outputs_}, step_, observer_));
  BP_TRY_VOID(shared_->read(*tokens_, host_tokens_.size() * sizeof(int32_t), host_tokens_.data()));
  return host_tokens_;
}

Result<std::span<const float>> Executor::logits() {
  const size_t n = static_cast<size_t>(n_outputs_) * static_cast<size_t>(model_.config().vocab);
  if (logits_->host() != nullptr) return std::span(reinterpret_cast<const float*>(logits_->host()), n);
  host_logits_.resize(n);
  BP_TRY_VOID(shared_->read(*logits_, n * sizeof(float), host_logits_.data()));
  return host_logits_;
}

Result<const Program*> Executor::program(int n_tokens) {
  BP_TRY(const Program* found, forward(n_tokens));
  return found;
}

std::vector<std::string> Executor::fallback_ops() const {
  std::vector<std::string> ops = sampler_->fallback_ops();
  for (const auto& [bucket, program] : forward_) {
    for (const std::string& op : program->fallback_ops()) {
      if (std::ranges::find(ops, op) == ops.end()) ops.push_back(op);
    }
  }
  return ops;
}

}  // namespace bp
