#include "runner.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "base/check.h"
#include "compile/program.h"
#include "plugin_host/registry.h"

namespace bp::conformance {
namespace {

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

// "isa=avx2 threads=1" -> the value of a key.
std::optional<std::string> option_of(const std::string& text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const size_t equals = word.find('=');
    if (equals != std::string::npos && word.substr(0, equals) == key) return word.substr(equals + 1);
    at = end + 1;
  }
  return std::nullopt;
}

struct Host {
  std::unique_ptr<PluginRegistry> registry;
  std::unique_ptr<Device> device;
};

Host open_host() {
  PluginSearch search;
  search.dirs = {BP_BUILD_DIR "/lib/backplane/plugins"};
  const std::string options = environment("BACKPLANE_CONFORM_OPTIONS", "");
  HostCallbacks callbacks;
  callbacks.option = [options](std::string_view, std::string_view key) { return option_of(options, key); };
  callbacks.ops = op_names();
  Host host{PluginRegistry::discover(search, std::move(callbacks)), nullptr};
  auto device = host.registry->open(environment("BACKPLANE_CONFORM_DEVICE", "cpu:0"));
  if (!device.has_value()) {
    std::cerr << device.error().message() << '\n';
  } else {
    host.device = std::move(*device);
  }
  return host;
}

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
  for (size_t i = 0; i < value.dims.size(); ++i) {
    rows *= static_cast<uint64_t>(last);
    last = sizes == nullptr ? graph.max_size(value.dims[i]) : size_of(graph, value.dims[i], *sizes);
  }
  return rows * row_bytes(value.dtype, static_cast<uint64_t>(last)).value_or(0);
}

}  // namespace

Device* device_under_test() {
  static const Host host = open_host();
  return host.device.get();
}

struct Runner::State {
  const Problem* problem = nullptr;
  Graph graph;
  std::optional<Queue> queue;
  std::optional<KernelTable> kernels;
  std::unique_ptr<WeightStore> weights;
  std::unique_ptr<Arena> arena;
  std::map<std::string, std::unique_ptr<Buffer>> buffers;
  Bindings bindings;
  std::unique_ptr<Program> program;

  const Value& value_of(const std::string& name) const { return graph.value(graph.find(name)); }
  Status bind(Device* device, ValueId id);
  void write(const std::string& name, const Bytes& bytes);
};

Status Runner::State::bind(Device* device, ValueId id) {
  const Value& value = graph.value(id);
  const uint64_t bytes = std::max<uint64_t>(bytes_of_value(graph, value, nullptr), 64);
  auto buffer = Buffer::create(device, bytes, value.name.c_str());
  if (!buffer.has_value()) return std::unexpected(buffer.error());
  auto& kept = buffers[value.name] = std::make_unique<Buffer>(*std::move(buffer));
  bindings[value.name] = {kept.get(), 0, bytes};
  return {};
}

void Runner::State::write(const std::string& name, const Bytes& bytes) {
  const Buffer& buffer = *buffers.at(name);
  BP_CHECK(bytes.size() <= buffer.size_bytes(), "{}: {} of {}", name, bytes.size(), buffer.size_bytes());
  std::memset(buffer.host(), 0xff, buffer.size_bytes());
  if (!bytes.empty()) std::memcpy(buffer.host(), bytes.data(), bytes.size());
}

Runner::~Runner() = default;

Result<std::unique_ptr<Runner>> Runner::create(Problem& problem, const Graph& graph, Device* device,
                                               const std::string& forced_row) {
  std::unique_ptr<Runner> runner(new Runner);
  runner->state_ = std::make_unique<State>();
  State& state = *runner->state_;
  state.problem = &problem;
  state.graph = graph;
  CompileInputs inputs;
  if (device != nullptr) {
    BP_TRY(state.queue, device->create_queue());
    KernelSelection selection;
    if (!forced_row.empty()) selection.force = {forced_row};
    state.kernels = KernelTable::create(device->kernels(), selection);
    for (const RejectedRow& row : state.kernels->rejected()) {
      return fail(ErrorCode::kRefused, row.id, row.reason);
    }
    inputs.device = device;
    inputs.queue = &*state.queue;
    inputs.kernels = &*state.kernels;
  }
  state.weights = std::make_unique<WeightStore>(device, inputs.queue);
  state.arena = std::make_unique<Arena>(device);
  for (const ValueId id : graph.inputs) BP_TRY_VOID(state.bind(device, id));
  for (const ValueId id : graph.outputs) {
    if (!state.bindings.contains(graph.value(id).name)) BP_TRY_VOID(state.bind(device, id));
  }
  inputs.weights = state.weights.get();
  inputs.arena = state.arena.get();
  inputs.bindings = &state.bindings;
  inputs.optimize = false;
  BP_TRY(state.program, Program::compile(graph, inputs));
  for (const StepInfo& step : state.program->steps()) {
    if (step.kernel != "view") runner->kernels_.insert(step.kernel);
  }
  return runner;
}

Result<Outputs> Runner::run(const Sizes& sizes) {
  State& state = *state_;
  for (const auto& input : state.problem->inputs()) state.write(input.name, input.fill(sizes));
  for (const ValueId id : state.graph.outputs) {
    const Value& value = state.graph.value(id);
    if (value.producer != kNone && value.updates == kNone) state.write(value.name, {});
  }
  std::vector<int64_t> by_symbol;
  for (size_t i = 0; i < state.graph.symbols.size(); ++i) {
    by_symbol.push_back(size_of(state.graph, Extent::dynamic(static_cast<SymbolId>(i)), sizes));
  }
  BP_TRY_VOID(state.program->run(by_symbol, 1));
  if (state.queue.has_value()) BP_TRY_VOID(state.queue->sync());
  Outputs outputs;
  const auto read = [&](const Value& value) {
    const std::byte* data = state.buffers.at(value.name)->host();
    outputs[value.name] = {data, data + bytes_of_value(state.graph, value, &sizes)};
  };
  for (const ValueId id : state.graph.outputs) {
    if (state.graph.value(id).updates == kNone) read(state.graph.value(id));
  }
  for (const ValueId id : state.graph.inputs) {
    if (state.graph.value(id).role == Role::kKv) read(state.graph.value(id));
  }
  return outputs;
}

std::string difference(const Problem& problem, const Graph& graph, const Outputs& got, const Outputs& want) {
  for (const auto& [name, bytes] : want) {
    const DType dtype = graph.value(graph.find(name)).dtype;
    const std::vector<double> a = numbers(dtype, got.at(name));
    const std::vector<double> b = numbers(dtype, bytes);
    if (a.size() != b.size()) return fmt::format("{} has {} values, not {}", name, a.size(), b.size());
    double largest = 0;
    for (const double x : b) largest = std::isfinite(x) ? std::max(largest, std::abs(x)) : largest;
    const Problem::Tolerance& t = problem.tolerance;
    for (size_t i = 0; i < a.size(); ++i) {
      const bool same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
      const double allowed = t.absolute + t.relative * std::abs(b[i]) + t.spread * largest;
      if (!same && !(std::abs(a[i] - b[i]) <= allowed)) {
        return fmt::format("{}[{}] is {}, the reference says {} (may differ by {})", name, i, a[i], b[i], allowed);
      }
    }
  }
  return {};
}

}  // namespace bp::conformance
