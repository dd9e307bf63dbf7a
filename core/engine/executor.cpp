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

// Of a program that may compute every row of its bucket.
StepParams::Padding padding_of(const Program& program) {
  StepParams::Padding padding;
  if (!program.captures()) return padding;
  for (const Symbol& symbol : program.graph().symbols) {
    if (symbol.name == "n_tokens") padding.n_tokens = static_cast<int>(symbol.max);
    if (symbol.name == "n_seqs") padding.n_seqs = static_cast<int>(symbol.max);
    if (symbol.name == "n_outputs") padding.n_outputs = static_cast<int>(symbol.max);
  }
  return padding;
}

uint64_t file_bytes(const Weights& weights) {
  uint64_t total = 0;
  for (const auto& [name, view] : weights.all()) total += view.bytes.size();
  return total;
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

// A step that is started and not finished, or was the last to be. Kept, so that steps allocate nothing.
struct Executor::Step {
  Program* program = nullptr;
  std::vector<int64_t> sizes;  // by symbol of the program
  size_t stage = 0;
  uint64_t number = 0;
  int n_tokens = 0;
  int n_outputs = 0;
  int n_drawn = 0;       // rows of logits of the step before
  bool follows = false;  // that step draws tokens of this one
  RunObserver* observer = nullptr;
  std::vector<int32_t> tokens;
  double gap_us = 0;
  std::optional<Memory> pinned_tokens;  // of devices that copy while the host goes on
  std::optional<Event> done;
  QueueThread::Ticket ticket = 0;
  Status status;  // without a thread
};

Executor::Executor(const Model& model, Device* device, const EngineOptions& options)
    : model_(model), device_(device), options_(options) {}

Executor::~Executor() {
  thread_.reset();  // its job uses everything else
  if (n_finished_ < n_started_ && shared_->queue() != nullptr && !device_->fault().lost()) {
    static_cast<void>(shared_->queue()->sync());
  }
}

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
  BP_TRY_VOID(make_sampler());
  for (auto& step : steps_) {
    step = std::make_unique<Step>();
    if (options_.rehearse || !options_.overlap || device_ == nullptr || !device_->copies_async() ||
        !device_->has_events())
      continue;
    const uint64_t bytes = static_cast<uint64_t>(options_.max_outputs) * sizeof(int32_t);
    auto pinned = device_->alloc(bytes, "staged tokens", AllocKind::kPinned);
    if (!pinned.has_value()) continue;
    BP_TRY(step->done, device_->create_event(false, true));
    step->pinned_tokens.emplace(std::move(*pinned));
  }
  BP_TRY_VOID(make_step_clock());
  // What watches every step needs its results before the next.
  if (options_.overlap && !options_.importance && !options_.rehearse) thread_ = std::make_unique<QueueThread>();
  BP_TRY_VOID(shared_->measure_driver(memory().slabs()));
  log::debug("engine: {}", memory_text(memory()));
  return {};
}

// Where launches are asynchronous, only the device knows when it waits.
Status Executor::make_step_clock() {
  if (options_.rehearse || device_ == nullptr || device_->inline_launch()) return {};
  knows_gap_ = device_->has_events() && device_->api().event_elapsed != nullptr;
  if (!knows_gap_) return {};
  for (StepTimes& times : step_times_) {
    BP_TRY(times.begin, device_->create_event(/*timing=*/true));
    BP_TRY(times.end, device_->create_event(/*timing=*/true, /*host_wait=*/true));
  }
  return {};
}

Status Executor::compile_all() {
  for (const int size : options_.buckets) BP_TRY_VOID(forward(size));
  return shared_->measure_driver(memory().slabs());
}

std::vector<std::pair<int, ProgramMemory>> Executor::program_memory() const {
  std::vector<std::pair<int, ProgramMemory>> memory;
  for (const auto& [bucket, program] : forward_) memory.emplace_back(bucket, program->memory());
  return memory;
}

MemoryUsage Executor::memory() const {
  MemoryUsage usage = shared_->memory();
  usage.kv = kv_.size_bytes();
  usage.staging = params_.size_bytes();
  usage.activations += logits_->size_bytes() + tokens_->size_bytes();
  if (probe_) usage.activations += probe_->size_bytes();
  for (const auto& [bucket, program] : forward_) add_program(usage, *program);
  add_program(usage, *sampler_);
  add_program(usage, *next_ids_);
  return usage;
}

// How many pages there are, then everything whose size follows from it.
Status Executor::size_context() {
  const int limit = static_cast<int>(std::min<int64_t>(model_.config().context, INT32_MAX));
  max_context_ = options_.max_context > 0 ? std::min(options_.max_context, limit) : limit;
  GraphOptions options = graph_options(options_, max_context_);
  BP_TRY(const Graph one_page, model_.build_graph(options));
  BP_TRY(const uint64_t page_bytes, KvCache::page_bytes(one_page));
  const uint64_t free = free_bytes(device_);
  const uint64_t weights = device_ == nullptr ? 0 : file_bytes(model_.weights());
  const double left = static_cast<double>(free - std::min(free, weights));
  uint64_t budget = static_cast<uint64_t>(left * options_.kv_memory_fraction);
  if (options_.kv_max_bytes > 0) budget = std::min(budget, options_.kv_max_bytes);
  const uint64_t wanted = static_cast<uint64_t>(options.max_pages_per_seq) * static_cast<uint64_t>(options_.max_seqs);
  uint64_t n_pages = std::min<uint64_t>(
      {wanted, budget / std::max<uint64_t>(page_bytes, 1), uint64_t{INT32_MAX} / options_.page_size});
  if (n_pages == 0 && options_.rehearse) n_pages = 1;  // how much too large it is
  if (n_pages == 0) {
    return fail(ErrorCode::kOutOfMemory, "kv",
                fmt::format("one page needs {} bytes, {} are allowed, with {} free and {} of weights", page_bytes,
                            budget, free, weights),
                "raise kv.memory_fraction or kv.max_bytes, or use a smaller model; `backplane plan` says what fits");
  }
  max_context_ = static_cast<int>(
      std::min<uint64_t>(static_cast<uint64_t>(max_context_), n_pages * static_cast<uint64_t>(options_.page_size)));
  options.n_pages = static_cast<int64_t>(n_pages);
  options.max_pages_per_seq = (max_context_ + options_.page_size - 1) / options_.page_size;
  BP_TRY(const Graph graph, model_.build_graph(options));
  BP_TRY_VOID(kv_.create(shared_->source(), graph, static_cast<int>(n_pages), bindings_));
  const bool is_dynamic = model_.config().rope.type == RopeType::kDynamic;
  const StepParams::Limits limits{options_.max_batch_tokens, options_.max_seqs,
                                  options_.max_outputs,      static_cast<int>(options.max_pages_per_seq),
                                  model_.rope_switch(),      is_dynamic ? &model_.config().rope : nullptr};
  BP_TRY_VOID(params_.create(shared_->source(), limits, bindings_));
  const uint64_t logits_bytes =
      static_cast<uint64_t>(options_.max_outputs) * static_cast<uint64_t>(model_.config().vocab) * sizeof(float);
  BP_TRY(logits_, shared_->source().create(logits_bytes, "logits"));
  BP_TRY(tokens_,
         shared_->source().create(static_cast<uint64_t>(options_.max_outputs) * sizeof(int32_t), "next_tokens"));
  bindings_["logits"] = {&*logits_, 0, logits_->size_bytes()};
  bindings_["next_tokens"] = {&*tokens_, 0, tokens_->size_bytes()};
  return {};
}

Result<Program*> Executor::forward(int n_tokens) {
  const auto& buckets = options_.buckets;
  const auto bucket = std::ranges::lower_bound(buckets, n_tokens);
  BP_CHECK(bucket != buckets.end(), "{} tokens, buckets to {}", n_tokens, buckets.back());
  if (const auto made = forward_.find(*bucket); made != forward_.end()) return made->second.get();
  if (thread_ != nullptr) thread_->drain();  // compiling drives the queue
  GraphOptions options = graph_options(options_, max_context_);
  options.n_pages = kv_.n_pages();
  options.max_tokens = *bucket;
  options.max_seqs = std::min(options_.max_seqs, *bucket);
  options.max_outputs = std::min(options_.max_outputs, *bucket);
  BP_TRY(Graph graph, model_.build_graph(options));
  if (options_.replace_weights) options_.replace_weights(graph);
  set_least_tokens(graph, buckets, static_cast<size_t>(bucket - buckets.begin()), options_.deterministic);
  if (shared_->captures(graph)) add_lengths(graph);
  if (options_.importance) {
    const bool first = !probe_;
    if (first) probe_.emplace();
    BP_TRY_VOID(probe_->add_outputs(graph));
    if (first) BP_TRY_VOID(probe_->bind(shared_->source(), graph, bindings_));
  }
  BP_TRY(auto program, shared_->compile(std::move(graph), bindings_));
  log::debug("engine: compiled the bucket up to {} tokens ({} launches, {} bytes of activations)", *bucket,
             program->n_launches(), program->memory().arena_bytes);
  return (forward_[*bucket] = std::move(program)).get();
}

Status Executor::make_sampler() {
  BP_TRY(Graph graph, sample_graph(options_.max_outputs, model_.config().vocab));
  BP_TRY(sampler_, shared_->compile(std::move(graph), bindings_));
  BP_TRY(Graph ids, next_ids_graph(options_.max_batch_tokens, options_.max_outputs));
  BP_TRY(next_ids_, shared_->compile(std::move(ids), bindings_));
  BP_TRY_VOID(shared_->check_fallback(*next_ids_));
  return shared_->check_fallback(*sampler_);
}

Status Executor::start(const Batch& batch) {
  BP_CHECK(!options_.rehearse, "a step of a rehearsal");
  BP_CHECK(n_started_ - n_finished_ < kStepsAhead, "{} steps are not finished", n_started_ - n_finished_);
  Step& step = *steps_[n_started_ % kStepsAhead];
  BP_TRY(step.program, forward(batch.n_tokens));
  step.stage = n_started_ % kStepsAhead;
  step.number = n_started_ + 1;
  step.n_tokens = batch.n_tokens;
  step.n_outputs = batch.n_outputs;
  step.n_drawn = n_outputs_;
  step.observer = observer_;
  step.tokens.resize(static_cast<size_t>(batch.n_outputs));
  step.sizes.clear();
  for (const Symbol& symbol : step.program->graph().symbols) {
    const bool tokens = symbol.name == "n_tokens";
    step.sizes.push_back(tokens                    ? batch.n_tokens
                         : symbol.name == "n_seqs" ? static_cast<int64_t>(batch.items.size())
                                                   : batch.n_outputs);
  }
  step.follows = params_.fill(batch, step.stage, step.n_drawn, padding_of(*step.program));
  n_outputs_ = batch.n_outputs;
  ++n_started_;
  if (thread_ == nullptr) {
    step.status = run_step(step);
  } else {
    step.ticket = thread_->post([this, &step] { return run_step(step); });
  }
  return {};
}

Status Executor::run_step(Step& step) {
  const auto begin = std::chrono::steady_clock::now();
  const bool is_inline = device_ == nullptr || device_->inline_launch();
  step.gap_us = is_inline && last_end_ ? std::chrono::duration<double, std::micro>(begin - *last_end_).count() : 0;
  StepTimes& times = step_times_[step.number % step_times_.size()];
  if (times.begin) BP_TRY_VOID(shared_->queue()->record(*times.begin));
  BP_TRY_VOID(params_.copy(step.stage, shared_->queue()));
  if (step.follows) BP_TRY_VOID(next_ids_->run(std::array<int64_t, 2>{step.n_tokens, step.n_drawn}, step.number));
  BP_TRY_VOID(step.program->run(step.sizes, step.number, step.observer));
  if (probe_) BP_TRY_VOID(probe_->collect(step.program->graph(), step.sizes, *shared_));
  BP_TRY_VOID(draw(step));
  if (times.end) BP_TRY_VOID(shared_->queue()->record(*times.end));
  last_end_ = std::chrono::steady_clock::now();
  return {};
}

// The tokens, on their way to the host.
Status Executor::draw(Step& step) {
  const uint64_t bytes = step.tokens.size() * sizeof(int32_t);
  if (step.n_outputs > 0)
    BP_TRY_VOID(sampler_->run(std::array<int64_t, 1>{step.n_outputs}, step.number, step.observer));
  if (!step.pinned_tokens) {
    if (bytes > 0) return shared_->read(*tokens_, bytes, step.tokens.data());
    return shared_->queue() != nullptr ? shared_->queue()->sync() : Status{};  // the stage is filled again
  }
  if (bytes > 0) {
    const bp_span to = step.pinned_tokens->span(0, bytes);
    const bp_span from = tokens_->span(0, bytes);
    BP_TRY_VOID(shared_->queue()->copy({&to, 1}, {&from, 1}));
  }
  return shared_->queue()->record(*step.done);
}

Result<Executor::Finished> Executor::finish() {
  BP_CHECK(n_finished_ < n_started_, "no step is started");
  Step& step = *steps_[n_finished_++ % kStepsAhead];
  Status status = thread_ != nullptr ? thread_->wait(step.ticket) : step.status;
  if (status.has_value() && step.pinned_tokens) status = step.done->sync();
  if (!status.has_value()) {
    if (thread_ != nullptr) thread_->drain();
    return std::unexpected(explain_fault(step, std::move(status.error())));
  }
  if (step.pinned_tokens) {
    const auto* drawn = reinterpret_cast<const int32_t*>(step.pinned_tokens->host());
    std::copy(drawn, drawn + step.tokens.size(), step.tokens.begin());
  }
  if (knows_gap_ && step.number > 1) {
    const StepTimes& before = step_times_[(step.number - 1) % step_times_.size()];
    StepTimes& times = step_times_[step.number % step_times_.size()];
    BP_TRY_VOID(times.end->sync());
    step.gap_us = times.begin->elapsed_us_since(*before.end).value_or(0);
  }
  return Finished{step.tokens, step.gap_us};
}

Status Executor::repeat(RunObserver* observer) {
  BP_CHECK(n_started_ > 0 && n_started_ == n_finished_, "{} steps are started, {} finished", n_started_, n_finished_);
  Step& step = *steps_[(n_started_ - 1) % kStepsAhead];
  const auto run = [&]() -> Status {
    Status ran = step.program->run(step.sizes, step.number, observer);
    Status done = shared_->queue() != nullptr ? shared_->queue()->sync() : Status{};
    return ran.has_value() ? done : ran;
  };
  Status status = thread_ != nullptr ? thread_->wait(thread_->post(run)) : run();
  if (!status.has_value()) return std::unexpected(explain_fault(step, std::move(status.error())));
  return status;
}

// A fault that a copy or a wait reports may name a launch of any program.
Error Executor::explain_fault(const Step& step, Error error) {
  const uint64_t tag = device_ == nullptr ? 0 : device_->fault().last_site().launch_tag;
  if (tag != 0 && error.code == ErrorCode::kDevice && error.where.find(" node ") == std::string::npos) {
    std::string name = sampler_->launch_name(tag) + next_ids_->launch_name(tag);  // at most one knows it
    for (const auto& [bucket, program] : forward_) name += program->launch_name(tag);
    if (!name.empty()) {
      error.where += " node " + name;
      return error;
    }
  }
  return step.program->explain_fault(std::move(error));
}

Result<std::span<const float>> Executor::logits() {
  const size_t n = static_cast<size_t>(n_outputs_) * static_cast<size_t>(model_.config().vocab);
  if (logits_->host() != nullptr) return std::span(reinterpret_cast<const float*>(logits_->host()), n);
  host_logits_.resize(n);
  BP_TRY_VOID(shared_->read(*logits_, n * sizeof(float), host_logits_.data()));
  return host_logits_;
}

Result<Program*> Executor::program(int n_tokens) {
  if (thread_ != nullptr) thread_->drain();  // the caller may look at what runs change
  return forward(n_tokens);
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
