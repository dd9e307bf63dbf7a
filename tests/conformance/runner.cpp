#include "runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "compile/program.h"
#include "engine/device_programs.h"

namespace bp::conformance {
namespace {

constexpr uint64_t kGuardBytes = 256;  // behind each buffer
constexpr std::byte kUnwritten{0xff};

int64_t size_of(const Graph& graph, const Extent& extent, const Sizes& sizes) {
  if (extent.is_static()) return extent.value;
  const Symbol& symbol = graph.symbols[static_cast<size_t>(extent.symbol)];
  if (symbol.base != kNone) return symbol.mul * size_of(graph, Extent::dynamic(symbol.base), sizes) + symbol.add;
  const auto found = sizes.find(symbol.name);
  return found == sizes.end() ? 0 : found->second;
}

uint64_t bytes_of_value(const Graph& graph, const Value& value, const Sizes* sizes) {
  uint64_t rows = 1;
  int64_t last = 1;
  for (const Extent& dim : value.dims) {
    rows *= static_cast<uint64_t>(last);
    last = sizes == nullptr ? graph.max_size(dim) : size_of(graph, dim, *sizes);
  }
  return rows * row_bytes(value.dtype, static_cast<uint64_t>(last)).value_or(0);
}

// The sizes of the bucket.
Sizes largest(const Graph& graph, Sizes sizes) {
  for (const Symbol& symbol : graph.symbols) {
    if (symbol.base == kNone) sizes[symbol.name] = symbol.max;
  }
  return sizes;
}

// Whether each dynamic size stands first in its values: what lies past it is then past the end.
bool sizes_come_first(const Graph& graph) {
  return std::ranges::all_of(graph.values, [](const Value& value) {
    return std::ranges::all_of(value.dims.begin() + (value.dims.empty() ? 0 : 1), value.dims.end(),
                               [](const Extent& dim) { return dim.is_static(); });
  });
}

}  // namespace

struct Runner::State {
  const Problem* problem = nullptr;
  Graph graph;
  Way way;
  bool harmful = false;  // past the true sizes, inputs hold what would do harm if it were read
  std::optional<Queue> queue;
  std::optional<KernelTable> kernels;
  std::unique_ptr<WeightStore> weights;
  std::unique_ptr<Arena> arena;
  std::map<std::string, std::unique_ptr<Buffer>> buffers;
  std::map<std::string, Bytes> written;  // what is in them before the run, guards included
  Bindings bindings;
  std::unique_ptr<Program> program;
  std::vector<int64_t> by_symbol;

  Status bind(ValueId id);
  Status write(const std::string& name, const Bytes& bytes);
  Result<Bytes> read(const std::string& name);
  Status write_inputs(const Sizes& sizes);
  Status check_untouched(const Value& value, const Bytes& now) const;
};

Status Runner::State::bind(ValueId id) {
  const Value& value = graph.value(id);
  const uint64_t bytes = std::max<uint64_t>(bytes_of_value(graph, value, nullptr), 64);
  auto buffer = Buffer::create(way.device, bytes + kGuardBytes, value.name.c_str());
  if (!buffer.has_value()) return std::unexpected(buffer.error());
  auto& kept = buffers[value.name] = std::make_unique<Buffer>(*std::move(buffer));
  bindings[value.name] = {kept.get(), 0, bytes};
  return {};
}

Status Runner::State::write(const std::string& name, const Bytes& bytes) {
  const Buffer& buffer = *buffers.at(name);
  BP_CHECK(bytes.size() + kGuardBytes <= buffer.size_bytes(), "{}: {} of {}", name, bytes.size(), buffer.size_bytes());
  Bytes& whole = written[name];
  whole.assign(buffer.size_bytes(), kUnwritten);
  std::ranges::copy(bytes, whole.begin());
  if (!queue.has_value()) {
    std::memcpy(buffer.host(), whole.data(), whole.size());
    return {};
  }
  return queue->write(buffer.span(0, whole.size()), whole);
}

Result<Bytes> Runner::State::read(const std::string& name) {
  const Buffer& buffer = *buffers.at(name);
  Bytes whole(buffer.size_bytes());
  if (!queue.has_value()) {
    std::memcpy(whole.data(), buffer.host(), whole.size());
    return whole;
  }
  BP_TRY_VOID(queue->read(buffer.span(0, whole.size()), whole));
  return whole;
}

Status Runner::State::write_inputs(const Sizes& sizes) {
  for (const auto& input : problem->inputs()) {
    Bytes bytes = input.fill(sizes);
    if (harmful) {
      Bytes beyond = input.fill(largest(graph, sizes));
      std::ranges::copy(bytes, beyond.begin());
      bytes = std::move(beyond);
    }
    BP_TRY_VOID(write(input.name, bytes));
  }
  for (size_t i = 0; i < graph.symbols.size(); ++i) {
    if (graph.symbols[i].len_value == kNone) continue;
    const int64_t size = size_of(graph, Extent::dynamic(static_cast<SymbolId>(i)), sizes);
    const std::string& name = graph.value(graph.symbols[i].len_value).name;
    BP_TRY_VOID(write(name, bytes_of(std::vector<int32_t>{static_cast<int32_t>(size)})));
  }
  for (const ValueId id : graph.outputs) {
    const Value& value = graph.value(id);
    if (value.producer != kNone && value.updates == kNone) BP_TRY_VOID(write(value.name, {}));
  }
  return {};
}

Status Runner::State::check_untouched(const Value& value, const Bytes& now) const {
  const Bytes& before = written.at(value.name);
  const bool may_change = value.producer != kNone || value.role == Role::kKv;
  const size_t first = may_change ? static_cast<size_t>(bindings.at(value.name).size_bytes) : 0;
  for (size_t i = first; i < before.size(); ++i) {
    if (now[i] == before[i]) continue;
    if (i >= bindings.at(value.name).size_bytes)
      return fail(ErrorCode::kFailed, "memory", fmt::format("{} was written past its end (byte {})", value.name, i));
    return fail(ErrorCode::kFailed, "memory", fmt::format("{} is only read, but its byte {} changed", value.name, i));
  }
  return {};
}

Runner::~Runner() = default;

Result<std::unique_ptr<Runner>> Runner::create(const Problem& problem, const Graph& graph, const Way& way) {
  std::unique_ptr<Runner> runner(new Runner);
  runner->state_ = std::make_unique<State>();
  State& state = *runner->state_;
  state.problem = &problem;
  state.graph = graph;
  state.way = way;
  state.harmful = way.device != nullptr && sizes_come_first(graph);
  if (way.padded) add_lengths(state.graph);
  CompileInputs inputs;
  if (way.device != nullptr) {
    BP_TRY(state.queue, way.device->create_queue());
    KernelSelection selection;
    if (!way.row.empty()) selection.force = {way.row};
    state.kernels = KernelTable::create(way.device->kernels(), selection);
    for (const RejectedRow& row : state.kernels->rejected()) {
      if (row.id == way.row) return fail(ErrorCode::kRefused, row.id, row.reason);
    }
    inputs.device = way.device;
    inputs.queue = &*state.queue;
    inputs.kernels = &*state.kernels;
  }
  state.weights = std::make_unique<WeightStore>(way.device, inputs.queue);
  state.arena = std::make_unique<Arena>(way.device);
  for (const ValueId id : state.graph.inputs) BP_TRY_VOID(state.bind(id));
  for (const ValueId id : state.graph.outputs) {
    if (!state.bindings.contains(state.graph.value(id).name)) BP_TRY_VOID(state.bind(id));
  }
  inputs.weights = state.weights.get();
  inputs.arena = state.arena.get();
  inputs.bindings = &state.bindings;
  inputs.optimize = false;
  BP_TRY(state.program, Program::compile(state.graph, inputs));
  for (const StepInfo& step : state.program->steps()) {
    if (step.kernel != "view") runner->kernels_.insert(step.kernel);
  }
  return runner;
}

Result<Outputs> Runner::run(const Sizes& sizes) {
  State& state = *state_;
  BP_TRY_VOID(state.write_inputs(sizes));
  state.by_symbol.clear();
  const Sizes launched = state.way.padded ? largest(state.graph, sizes) : sizes;
  for (size_t i = 0; i < state.graph.symbols.size(); ++i) {
    state.by_symbol.push_back(size_of(state.graph, Extent::dynamic(static_cast<SymbolId>(i)), launched));
  }
  BP_TRY_VOID(state.program->run(state.by_symbol, 1));
  if (state.queue.has_value()) BP_TRY_VOID(state.queue->sync());
  Outputs outputs;
  const auto read = [&](const Value& value, bool result) -> Status {
    BP_TRY(Bytes now, state.read(value.name));
    BP_TRY_VOID(state.check_untouched(value, now));
    if (!result) return {};
    now.resize(bytes_of_value(state.graph, value, &sizes));
    outputs[value.name] = std::move(now);
    return {};
  };
  for (const ValueId id : state.graph.outputs) {
    const Value& value = state.graph.value(id);
    if (value.updates == kNone && value.producer != kNone) BP_TRY_VOID(read(value, true));
  }
  for (const ValueId id : state.graph.inputs) {
    const Value& value = state.graph.value(id);
    if (value.role == Role::kKv || state.way.device != nullptr) BP_TRY_VOID(read(value, value.role == Role::kKv));
  }
  return outputs;
}

Result<double> Runner::time_us() {
  using Clock = std::chrono::steady_clock;
  constexpr auto kLeast = std::chrono::microseconds(500);
  constexpr int kRepeats = 3;
  State& state = *state_;
  double best = INFINITY;
  for (int n_runs = 1, n_taken = 0; n_taken < kRepeats;) {
    const auto start = Clock::now();
    for (int i = 0; i < n_runs; ++i) BP_TRY_VOID(state.program->run(state.by_symbol, 1));
    if (state.queue.has_value()) BP_TRY_VOID(state.queue->sync());
    const auto taken = Clock::now() - start;
    best = std::min(best, std::chrono::duration<double, std::micro>(taken).count() / n_runs);
    if (state.way.device == nullptr) return best;  // slow enough to be sure
    if (taken < kLeast && n_runs < 64) {
      n_runs *= 4;
    } else {
      ++n_taken;
    }
  }
  return best;
}

bool can_pad(const Graph& graph, const std::set<std::string>& rows, const Device& device) {
  for (const std::string& id : rows) {
    const auto row = std::ranges::find_if(device.kernels(), [&](const bp_kernel* kernel) { return kernel->id == id; });
    if (row == device.kernels().end() || ((*row)->flags & BP_K_CAPTURE_SAFE) == 0) return false;
  }
  return sizes_come_first(graph) && !graph.symbols.empty() && !rows.empty();
}

Work work_of(const Graph& graph, const Sizes& sizes) {
  Work work;
  for (const Value& value : graph.values) {
    const bool outside =
        value.producer == kNone ||
        std::ranges::find(graph.outputs, static_cast<ValueId>(&value - graph.values.data())) != graph.outputs.end();
    work.caches = work.caches || value.role == Role::kKv;
    if (outside) work.bytes += static_cast<double>(bytes_of_value(graph, value, &sizes));
  }
  for (const Node& node : graph.nodes) {
    if (!node.op->name.starts_with("matmul")) continue;
    double product = 2;
    for (const Extent& dim : graph.value(node.out[0]).dims) {
      product *= static_cast<double>(size_of(graph, dim, sizes));
    }
    work.flops += product * static_cast<double>(size_of(graph, graph.value(node.in[0]).dims.back(), sizes));
  }
  return work;
}

bool is_prefix(const Outputs& fewer, const Outputs& more) {
  return std::ranges::all_of(fewer, [&](const auto& output) {
    const Bytes& longer = more.at(output.first);
    return output.second.size() <= longer.size() &&
           std::ranges::equal(output.second, std::span(longer).first(output.second.size()));
  });
}

Difference difference(const Problem& problem, const Graph& graph, const Outputs& got, const Outputs& want) {
  Difference found;
  for (const auto& [name, bytes] : want) {
    const DType dtype = graph.value(graph.find(name)).dtype;
    const std::vector<double> a = numbers(dtype, got.at(name));
    const std::vector<double> b = numbers(dtype, bytes);
    if (a.size() != b.size()) return {fmt::format("{} has {} values, not {}", name, a.size(), b.size()), INFINITY};
    double largest = 0;
    for (const double x : b) largest = std::isfinite(x) ? std::max(largest, std::abs(x)) : largest;
    const Tolerance& t = problem.tolerance;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
      const double allowed = t.absolute + t.relative * std::abs(b[i]) + t.spread * largest;
      const double needed = std::abs(a[i] - b[i]);
      found.worst = std::max(found.worst, allowed > 0 && std::isfinite(needed) ? needed / allowed : INFINITY);
      if (needed <= allowed || !found.text.empty()) continue;
      found.text = fmt::format("{}[{}] is {:.9g}, the reference says {:.9g} (may differ by {:.3g})", name, i, a[i],
                               b[i], allowed);
    }
  }
  return found;
}

}  // namespace bp::conformance
