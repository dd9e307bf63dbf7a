#include "api/session_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "api/eager_check.h"
#include "api/eager_graph.h"
#include "graph/opset.h"

namespace bp::api {
namespace {

constexpr size_t kMaxKept = 512;  // programs of single ops

EngineOptions engine_options(const DeviceOptions& options) {
  EngineOptions engine;
  engine.op_fallback = policy_of(options.op_fallback);
  engine.kernels = {options.deny_kernels, options.force_kernels};
  return engine;
}

}  // namespace

std::string EagerCall::where(const std::string& device) const {
  return fmt::format("{}: {}{}{}", device, scope, scope.empty() ? "" : " ", op->name);
}

Result<std::shared_ptr<SessionState>> SessionState::create(const DeviceOptions& device, const DebugOptions& debug) {
  BP_TRY(SharedDevice opened, SharedDevice::open(device));
  std::shared_ptr<SessionState> made(new SessionState(std::move(opened), device, debug));
  BP_TRY(made->programs_, DevicePrograms::create(made->device_.get(), engine_options(device)));
  if (!debug.compare_with.empty()) {
    DeviceOptions other = device;
    other.device = debug.compare_with;
    other.deny_kernels.clear();
    other.force_kernels.clear();
    BP_TRY(made->other_, create(other, {}));
  }
  return made;
}

Result<std::unique_ptr<BoundGraph>> SessionState::compile(CallMemory& memory, Graph graph, bool optimize) {
  BP_TRY(auto bound, BoundGraph::create(*programs_, memory, std::move(graph), optimize));
  bool is_new = false;
  for (const std::string& op : bound->program().fallback_ops()) is_new |= !warned_.contains(op);
  if (is_new || options_.op_fallback == Fallback::kError) BP_TRY_VOID(programs_->check_fallback(bound->program()));
  for (const std::string& op : bound->program().fallback_ops()) warned_.insert(op);
  return bound;
}

Result<BoundGraph*> SessionState::program_of(const EagerCall& call) {
  const std::string key = key_of(call);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return kept_.front().bound.get();
  }
  BP_TRY(EagerGraph made, graph_of(call));
  BP_TRY(auto bound, compile(memory_, std::move(made.graph), false));
  kept_.push_front({key, std::move(bound)});
  by_key_[key] = kept_.begin();
  if (kept_.size() > kMaxKept) {
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
  return kept_.front().bound.get();
}

Result<std::vector<Content>> SessionState::run(const EagerCall& call) {
  auto results = launch(call);
  if (!results.has_value()) {
    results.error().where = call.where(device());  // programs are shared by calls of other scopes
    return results;
  }
  BP_TRY_VOID(check(call, *results));
  return results;
}

Result<std::vector<Content>> SessionState::launch(const EagerCall& call) {
  BP_TRY(BoundGraph * bound, program_of(call));
  std::vector<Content> inputs;
  for (const size_t i : inputs_of(call)) inputs.push_back(call.operands[i]);
  last_kernel_ = bound->program().steps().empty() ? "" : bound->program().steps().front().kernel;
  return bound->run(inputs, {}, next_step());
}

Status SessionState::check(const EagerCall& call, std::span<const Content> results) {
  if (debug_.trap_nan) {
    for (size_t i = 0; i < results.size(); ++i) {
      BP_TRY(const auto found, read(results[i]));
      BP_TRY_VOID(check_finite(call, device(), {i, results[i], found}, *this));
    }
  }
  if (other_ == nullptr) return {};
  EagerCall same = call;
  for (Content& operand : same.operands) {
    BP_TRY(operand, other_->take(operand, *this));
  }
  BP_TRY(const auto expected, other_->run(same));
  for (size_t i = 0; i < results.size(); ++i) {
    BP_TRY(const auto found, read(results[i]));
    BP_TRY(const auto wanted, other_->read(expected[i]));
    BP_TRY_VOID(check_close(call, device(), {i, results[i], found}, other_->device(), wanted, debug_.tolerance));
  }
  return {};
}

Result<Content> SessionState::make(std::span<const std::byte> bytes, std::vector<int64_t> dims, bp::DType dtype) {
  Content content{dtype, std::move(dims), bytes.size(), nullptr, nullptr};
  BP_TRY(content.memory, upload(*programs_, pool_, bytes));
  return content;
}

Content SessionState::make_weight(std::span<const std::byte> bytes, std::vector<int64_t> dims, bp::DType dtype,
                                  const std::string& name) {
  // Large ones fill whole pages of their own, so that a device may read them in place.
  constexpr size_t kPage = 4096;
  const size_t align = bytes.size() >= kPage ? kPage : 64;
  const size_t size = (std::max<size_t>(bytes.size(), 1) + align - 1) / align * align;
  const auto free = [align](std::byte* p) { ::operator delete(p, std::align_val_t{align}); };
  auto* memory = static_cast<std::byte*>(::operator new(size, std::align_val_t{align}));
  const std::shared_ptr<std::byte> owner(memory, free);
  std::ranges::copy(bytes, memory);
  HostTensor tensor;
  tensor.name = name;
  tensor.dtype = dtype;
  tensor.dims = dims;
  tensor.bytes = {memory, bytes.size()};
  tensor.owner = owner;
  return {dtype, std::move(dims), bytes.size(), nullptr, std::make_shared<const HostTensor>(std::move(tensor))};
}

Status SessionState::read(const Content& content, std::span<std::byte> out) {
  if (out.empty()) return {};
  if (content.weight != nullptr) {
    std::memcpy(out.data(), content.weight->bytes.data(), out.size());
    return {};
  }
  return programs_->read(*content.memory, out.data());
}

Result<std::vector<std::byte>> SessionState::read(const Content& content) {
  std::vector<std::byte> bytes(content.size_bytes);
  BP_TRY_VOID(read(content, bytes));
  return bytes;
}

Result<Content> SessionState::take(const Content& content, SessionState& owner) {
  if (content.memory == nullptr || &owner == this) return content;  // a weight is on the host
  BP_TRY(const auto bytes, owner.read(content));
  return make(bytes, content.dims, content.dtype);
}

}  // namespace bp::api
