#include "engine/device_programs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/process_memory.h"
#include "plugin_host/device_graph.h"

namespace bp {

Result<std::unique_ptr<DevicePrograms>> DevicePrograms::create(Device* device, const EngineOptions& options) {
  const SlabSource source(device, options.rehearse);
  std::unique_ptr<DevicePrograms> made(new DevicePrograms(source, options));
  if (options.strict && options.capture == CaptureMode::kOn) {
    return fail(ErrorCode::kUsage, "engine.strict", "checks launches one by one, and engine.capture is \"on\"",
                "set engine.capture = \"auto\"");
  }
  const bool has_graphs = !options.strict && device != nullptr && graph_extension(*device) != nullptr;
  if (options.capture == CaptureMode::kOn && !has_graphs) {
    return fail(ErrorCode::kUsage, "engine.capture",
                fmt::format("is \"on\", and {} has no native graphs (graph/1)",
                            device == nullptr ? "the reference" : device->info().id),
                "use \"auto\", or another device");
  }
  if (has_graphs && options.capture == CaptureMode::kOn) made->capture_tokens_ = options.max_batch_tokens;
  if (has_graphs && options.capture == CaptureMode::kAuto) {
    const std::vector<int> buckets = bucket_sizes(options.buckets, options.max_batch_tokens);
    const auto decoding = std::ranges::lower_bound(buckets, options.max_seqs);
    made->capture_tokens_ = decoding == buckets.end() ? options.max_batch_tokens : *decoding;
  }
  // Where the device computes in the host's memory, what the process takes comes out of the same.
  if (device == nullptr || device->uses_host_memory()) {
    made->driver_bytes_ = process_memory().own_bytes;
  } else {
    BP_TRY(made->free_before_, device->free_bytes());
  }
  if (device != nullptr) {
    BP_TRY(made->queue_, device->create_queue({.blame = options.strict, .verify = options.strict}));
    made->kernels_ = KernelTable::create(device->kernels(), options.kernels);
    for (const RejectedRow& row : made->kernels_->rejected())
      log::debug("{}: kernel {}: {}", device->info().id, row.id, row.reason);
    for (const std::string& id : made->kernels_->unknown()) {
      log::warn("kernels: {} has no kernel {}; `backplane plugins kernels` lists those it has", device->info().id, id);
    }
    if (options.tuning != TuningUse::kOff) made->tuning_.emplace(*device, options.tuning_folder, options.deterministic);
  }
  made->weights_ = std::make_unique<WeightStore>(source, made->queue());
  made->arena_ = std::make_unique<Arena>(source);
  return made;
}

bool DevicePrograms::captures(const Graph& graph) const {
  return capture_tokens_ >= 0 && std::ranges::all_of(graph.symbols, [&](const Symbol& symbol) {
           return symbol.name != "n_tokens" || symbol.max <= capture_tokens_;
         });
}

Result<std::unique_ptr<Program>> DevicePrograms::compile(Graph graph, const Bindings& bindings, bool optimize) {
  CompileInputs inputs;
  inputs.device = source_.device;
  inputs.queue = queue();
  inputs.kernels = kernels_ ? &*kernels_ : nullptr;
  inputs.weights = weights_.get();
  inputs.arena = arena_.get();
  inputs.bindings = &bindings;
  inputs.tuning = tuning_ ? &*tuning_ : nullptr;
  inputs.optimize = optimize;
  inputs.capture = captures(graph);
  inputs.options = compiler_;
  inputs.rehearse = source_.rehearse;
  inputs.strict = strict_;
  inputs.number = static_cast<uint8_t>(n_programs_++ % UINT8_MAX + 1);
  auto program = Program::compile(std::move(graph), inputs);
  if (tuning_) {
    const std::vector<std::string> missing = tuning_->take_missing();
    if (tuning_use_ == TuningUse::kOffline && !missing.empty()) {
      log::warn("tuning: {} problems have no result, {} among them; `backplane tune MODEL` measures them",
                missing.size(), missing.front());
    }
  }
  return program;
}

Status DevicePrograms::check_fallback(const Program& program) const {
  const auto ops = program.fallback_ops();
  if (ops.empty() || op_fallback_ == FallbackPolicy::kAllow) return {};
  const std::string what = fmt::format("no kernel for {}: the reference runs it, slowly", fmt::join(ops, ", "));
  if (op_fallback_ == FallbackPolicy::kError) {
    return fail(ErrorCode::kFailed, device()->info().id, what,
                "use another device, or set device.op_fallback = \"warn\"");
  }
  log::warn("{}: {}; `backplane explain` says why", device()->info().id, what);
  return {};
}

Status DevicePrograms::read(const BufferSpan& from, void* to) {
  if (!queue_) {
    std::memcpy(to, from.host(), from.size_bytes);
    return {};
  }
  return queue_->read(from.span(), {static_cast<std::byte*>(to), from.size_bytes});
}

MemoryUsage DevicePrograms::memory() const {
  MemoryUsage usage;
  usage.weights = weights_->size_bytes();
  usage.in_place = weights_->in_place_bytes();
  usage.loading = weights_->loading_bytes();
  usage.workspace = arena_->scratch_bytes();
  usage.activations = arena_->size_bytes() - usage.workspace;
  usage.driver = driver_bytes_;
  return usage;
}

Status DevicePrograms::measure_driver(uint64_t slab_bytes) {
  if (free_before_ == 0) return {};
  BP_TRY(const uint64_t now, device()->free_bytes());
  const uint64_t taken = free_before_ - std::min(free_before_, now);
  const uint64_t slabs = source_.rehearse ? 0 : slab_bytes;
  driver_bytes_ = taken - std::min(taken, slabs);
  return {};
}

void add_program(MemoryUsage& usage, const Program& program) {
  usage.workspace += program.memory().workspace_bytes;
  usage.driver += program.memory().internal_bytes + program.memory().graph_bytes;
}

std::string memory_text(const MemoryUsage& usage) {
  return fmt::format(
      "{} bytes in all: weights {} (and {} read in place; loaded through {}), activations {}, workspace {}, kv {}, "
      "staging {}, driver {}",
      usage.total(), usage.weights, usage.in_place, usage.loading, usage.activations, usage.workspace, usage.kv,
      usage.staging, usage.driver);
}

std::vector<int> bucket_sizes(const std::vector<int>& wanted, int largest) {
  std::vector<int> buckets = wanted.empty() ? std::vector<int>{1, 8, 32, 128} : wanted;
  buckets.push_back(largest);
  std::erase_if(buckets, [&](int size) { return size < 1 || size > largest; });
  std::ranges::sort(buckets);
  buckets.erase(std::ranges::unique(buckets).begin(), buckets.end());
  return buckets;
}

void add_lengths(Graph& graph) {
  for (Symbol& symbol : graph.symbols) {
    if (symbol.base != kNone || symbol.len_value != kNone) continue;
    Value length;
    length.name = "len." + symbol.name;
    length.dtype = DType::kI32;
    length.role = Role::kParam;
    symbol.len_value = static_cast<ValueId>(graph.values.size());
    graph.values.push_back(std::move(length));
    graph.inputs.push_back(symbol.len_value);
  }
}

void set_least_tokens(Graph& graph, const std::vector<int>& buckets, size_t index, bool deterministic) {
  const int least = deterministic || index == 0 ? 1 : buckets[index - 1] + 1;
  for (Symbol& symbol : graph.symbols) {
    if (symbol.name == "n_tokens") symbol.min = least;
  }
}

}  // namespace bp
