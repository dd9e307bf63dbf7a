// Program::compile: partition, plan, place, bind.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "compile/divide.h"
#include "compile/optimize.h"
#include "compile/program.h"
#include "compile/program_step.h"
#include "compile/step_info.h"
#include "compile/storage.h"
#include "compile/strict_check.h"
#include "compile/tuning.h"
#include "graph/opset.h"
#include "memory/arena.h"
#include "reference/reference.h"

namespace bp {
namespace {

constexpr uint64_t kAlign = 64;       // a cache line, and the widest vector load
constexpr uint64_t kFenceBytes = 64;  // before and behind what a strict program writes

}  // namespace

class ProgramBuilder {
 public:
  ProgramBuilder(Division division, const CompileInputs& inputs)
      : inputs_(inputs), program_(new Program), groups_(std::move(division.groups)) {
    program_->graph_ = std::move(division.graph);
    program_->device_ = inputs.device;
    program_->queue_ = inputs.queue;
  }

  // After build() failed: the row whose plan said BP_E_UNSUPPORTED, if one did.
  const std::string& refused_row() const { return refused_row_; }

  Result<std::unique_ptr<Program>> build() {
    find_external();
    storage_.emplace(graph(), groups_, external_);
    BP_TRY_VOID(plan_groups());
    BP_TRY_VOID(place());
    BP_TRY_VOID(load_weights());
    if (!inputs_.rehearse) BP_TRY_VOID(bind_groups());
    program_->sizes_.resize(graph().symbols.size());
    const bool capture = inputs_.capture && inputs_.device != nullptr && graph_extension(*inputs_.device) != nullptr;
    program_->make_list(capture && !inputs_.rehearse && !inputs_.strict);
    program_->number_ = inputs_.number;
    if (inputs_.strict && !inputs_.rehearse) program_->strict_ = std::make_unique<StrictCheck>(*program_);
    return std::move(program_);
  }

 private:
  using Step = Program::Step;
  struct Workspace {
    size_t step;
    bp_ws_need need;
    uint64_t offset = 0;           // in the arena, of scratch
    const Buffer* kept = nullptr;  // of zeroed ones
  };

  const Graph& graph() const { return program_->graph_; }
  // Bytes before memory of that alignment, and behind it, that are fences.
  uint64_t front(uint64_t align) const { return inputs_.strict ? std::max(align, kFenceBytes) : 0; }
  uint64_t back() const { return inputs_.strict ? kFenceBytes : 0; }

  void find_external() {
    external_.assign(graph().values.size(), false);
    for (size_t id = 0; id < graph().values.size(); ++id) {
      const Value& value = graph().values[id];
      const bool bound =
          inputs_.bindings->contains(value.name) && (value.producer == kNone || is_output(static_cast<ValueId>(id)));
      external_[id] = bound || value.role == Role::kWeight;
    }
  }

  bool is_output(ValueId id) const { return std::ranges::find(graph().outputs, id) != graph().outputs.end(); }

  Status plan_groups() {
    program_->steps_.resize(groups_.size());
    for (size_t i = 0; i < groups_.size(); ++i) {
      const Group& group = groups_[i];
      Step& step = program_->steps_[i];
      const Node& node = graph().node(group.last);
      step.nodes = group.match.nodes;
      step.name = node.scope.empty() ? ops_of(graph(), group) : node.scope + " " + ops_of(graph(), group);
      if (group.row != nullptr) {
        BP_TRY_VOID(plan_kernel(i));
      } else if (!group.view) {
        BP_TRY_VOID(plan_reference(group, step));
      }
    }
    program_->infos_ = describe_steps(graph(), groups_, inputs_.device);
    for (size_t i = 0; i < groups_.size(); ++i) program_->infos_[i].config = program_->steps_[i].config;
    if (inputs_.device != nullptr)
      program_->left_out_.assign(inputs_.kernels->rejected().begin(), inputs_.kernels->rejected().end());
    return {};
  }

  Status plan_kernel(size_t at) {
    const Group& group = groups_[at];
    Step& step = program_->steps_[at];
    step.kind = Step::Kind::kLaunch;
    step.capture_safe = (group.row->kernel->flags & BP_K_CAPTURE_SAFE) != 0;
    ++program_->n_launches_;
    const Region region = region_of(graph(), group.match, group.layouts, *inputs_.device);
    step.kernel = group.row->kernel;
    step.match = group.match;
    step.layouts = group.layouts;
    auto plan = plan_tuned(group, region, step.config);
    if (!plan.has_value()) {
      if (plan.error().code == ErrorCode::kUnsupported) refused_row_ = group.row->id;
      plan.error().where += fmt::format(" node {}", step.name);
      return std::unexpected(std::move(plan.error()));
    }
    step.plan.emplace(std::move(*plan));
    step.symbols.assign(region.symbols().begin(), region.symbols().end());
    step.dyn.resize(step.symbols.size());
    for (const ValueId id : region.args()) step.operands.push_back({id, {}});
    program_->memory_.internal_bytes += step.plan->info().internal_bytes;
    for (const bp_ws_need& need : step.plan->info().workspaces) workspaces_.push_back({at, need});
    return {};
  }

  // A configuration that was once found good and fails now costs a line in the log.
  Result<Plan> plan_tuned(const Group& group, const Region& region, std::string& used) const {
    const bp_kernel& kernel = *group.row->kernel;
    std::vector<int64_t> config;
    if (inputs_.tuning != nullptr && kernel.n_tunable > 0)
      config = inputs_.tuning->config(kernel, tuning_problem(graph(), group.match, group.layouts));
    auto plan = inputs_.device->plan(kernel, region.view(), config);
    if (plan.has_value() && !config.empty()) used = config_text(kernel, config);
    if (plan.has_value() || config.empty() || inputs_.device->fault().lost()) return plan;
    log::warn("tuning: kernel {}: {}; the default is used", kernel.id, plan.error().message());
    return inputs_.device->plan(kernel, region.view());
  }

  Status plan_reference(const Group& group, Step& step) {
    step.kind = Step::Kind::kReference;
    step.node = &graph().node(group.last);
    if (!has_reference(*step.node->op)) {
      return fail(ErrorCode::kUnsupported, step.name, "no kernel and no reference for this op", "use another device");
    }
    for (const ValueId id : step.node->in) step.operands.push_back({id, {}});
    step.n_in = step.operands.size();
    for (const ValueId id : step.node->out) step.operands.push_back({id, {}});
    return {};
  }

  // One arena for activations and scratch.
  Status place() {
    std::vector<Lifetime> lifetimes;
    std::vector<ValueId> owners;
    offsets_.assign(graph().values.size(), 0);
    for (size_t id = 0; id < graph().values.size(); ++id) {
      const auto value = static_cast<ValueId>(id);
      const auto life = storage_->lifetime(value);
      if (storage_->root(value) != value || external_[id] || !life.has_value()) continue;
      if (graph().value(value).producer == kNone) {
        return fail(ErrorCode::kFailed, graph().name,
                    fmt::format("input {} is bound to no memory", graph().value(value).name));
      }
      BP_TRY(const uint64_t bytes, Storage::size_bytes(graph(), graph().value(value)));
      lifetimes.push_back({front(kAlign) + bytes + back(), kAlign, life->first, life->second});
      owners.push_back(value);
    }
    program_->memory_.activation_bytes = plan_arena(lifetimes).size_bytes;
    std::vector<size_t> scratch;
    for (size_t i = 0; i < workspaces_.size(); ++i) {
      if (workspaces_[i].need.kind != BP_WS_SCRATCH) continue;
      const int at = static_cast<int>(workspaces_[i].step);
      const uint64_t align = std::max<uint64_t>(workspaces_[i].need.align, kAlign);
      lifetimes.push_back({front(align) + workspaces_[i].need.bytes + back(), align, at, at});
      scratch.push_back(i);
    }
    const ArenaPlan plan = plan_arena(lifetimes);
    for (size_t i = 0; i < owners.size(); ++i)
      offsets_[static_cast<size_t>(owners[i])] = plan.offsets[i] + front(kAlign);
    for (size_t i = 0; i < scratch.size(); ++i) {
      const Lifetime& life = lifetimes[owners.size() + i];
      workspaces_[scratch[i]].offset = plan.offsets[owners.size() + i] + front(life.align_bytes);
    }
    for (const Lifetime& life : lifetimes) {
      const int end = std::min(life.last, static_cast<int>(program_->steps_.size()) - 1);
      for (int at = life.first; at <= end; ++at)
        program_->steps_[static_cast<size_t>(at)].live_bytes += life.size_bytes;
    }
    program_->memory_.arena_bytes = plan.size_bytes;
    program_->memory_.arena_lower_bound_bytes = plan.lower_bound_bytes;
    program_->memory_.naive_bytes = plan.naive_bytes;
    const uint64_t activations = std::max(program_->memory_.activation_bytes, kAlign);
    BP_TRY(arena_, inputs_.arena->reserve(std::max(plan.size_bytes, kAlign), activations));
    return keep_zeroed();
  }

  Status keep_zeroed() {
    for (Workspace& ws : workspaces_) {
      if (ws.need.kind == BP_WS_SCRATCH) continue;
      if (ws.need.kind != BP_WS_KEEP_ZEROED) {
        return fail(ErrorCode::kUnsupported, program_->steps_[ws.step].name,
                    fmt::format("needs workspace of kind {}, which one device alone has not", ws.need.kind));
      }
      program_->memory_.workspace_bytes += ws.need.bytes;
      if (inputs_.rehearse) continue;
      ws.offset = front(std::max<uint64_t>(ws.need.align, kAlign));
      BP_TRY(Buffer buffer, Buffer::create(inputs_.device, ws.offset + ws.need.bytes + back(), "workspace"));
      BP_TRY_VOID(inputs_.queue->write(buffer.span(ws.offset, ws.need.bytes), std::vector<std::byte>(ws.need.bytes)));
      program_->kept_.push_back(std::make_unique<Buffer>(std::move(buffer)));
      ws.kept = program_->kept_.back().get();
    }
    return {};
  }

  Status load_weights() {
    std::vector<WeightNeed> needs;
    for (const Group& group : groups_) {
      for (size_t i = 0; i < group.match.slots.size(); ++i) {
        const ValueId id = group.match.slots[i];
        if (group.view || id == kNone) continue;
        const Value& value = graph().value(storage_->root(id));
        if (value.role == Role::kWeight) needs.push_back({&tensor(value), group.layouts[i]});
      }
    }
    return inputs_.weights->load(needs);
  }

  const HostTensor& tensor(const Value& weight) const {
    return graph().host_tensors[static_cast<size_t>(weight.host_tensor)];
  }

  Result<BufferSpan> memory_of(ValueId id, const std::string& layout) const {
    const ValueId root = storage_->root(id);
    const Value& owner = graph().value(root);
    if (owner.role == Role::kWeight) return inputs_.weights->find(tensor(owner), layout);
    BP_TRY(const uint64_t bytes, Storage::size_bytes(graph(), graph().value(id)));
    const uint64_t offset = storage_->offset_bytes(id);
    if (external_[static_cast<size_t>(root)]) {
      const BufferSpan& bound = inputs_.bindings->find(owner.name)->second;
      if (bound.size_bytes < offset + bytes) {
        return fail(ErrorCode::kFailed, graph().name,
                    fmt::format("{} needs {} bytes, its memory has {}", owner.name, offset + bytes, bound.size_bytes));
      }
      return BufferSpan{bound.buffer, bound.offset + offset, bytes};
    }
    return BufferSpan{arena_, offsets_[static_cast<size_t>(root)] + offset, bytes};
  }

  Status bind_groups() {
    for (size_t i = 0; i < groups_.size(); ++i) {
      Step& step = program_->steps_[i];
      std::vector<bp_span>& args = step.args;
      for (size_t slot = 0; slot < step.operands.size(); ++slot) {
        auto& operand = step.operands[slot];
        args.push_back({});
        if (operand.value == kNone) continue;
        const bool packed = groups_[i].row != nullptr && slot < groups_[i].layouts.size();
        BP_TRY(operand.memory, memory_of(operand.value, packed ? groups_[i].layouts[slot] : std::string()));
        if (step.kind == Step::Kind::kLaunch) args.back() = operand.memory.span();
        if (inputs_.strict) BP_TRY_VOID(fence_result(step, operand.value));
      }
      if (step.kind != Step::Kind::kLaunch) continue;
      std::vector<bp_span>& ws = step.workspaces;
      for (const Workspace& need : workspaces_) {
        if (need.step != i) continue;
        const BufferSpan memory{need.kept != nullptr ? need.kept : arena_, need.offset, need.need.bytes};
        if (inputs_.strict) step.fences.push_back(fence(memory, fmt::format("workspace {}", ws.size())));
        ws.push_back(memory.span());
      }
      auto bound = step.plan->bind(args, ws);
      if (!bound.has_value()) {
        bound.error().where += fmt::format(" node {}", step.name);
        return std::unexpected(std::move(bound.error()));
      }
      step.bound.emplace(std::move(*bound));
    }
    return {};
  }

  static Step::Fence fence(const BufferSpan& memory, std::string name) {
    return {{memory.buffer, memory.offset - kFenceBytes, kFenceBytes},
            {memory.buffer, memory.offset + memory.size_bytes, kFenceBytes},
            std::move(name)};
  }

  // Round the storage of a value that the step makes, where that is in the arena.
  Status fence_result(Step& step, ValueId id) const {
    const ValueId root = storage_->root(id);
    const Value& owner = graph().value(root);
    const NodeId producer = graph().value(id).producer;
    const bool is_made_here = std::ranges::find(step.nodes, producer) != step.nodes.end();
    if (!is_made_here || owner.role == Role::kWeight || external_[static_cast<size_t>(root)]) return {};
    BP_TRY(const uint64_t bytes, Storage::size_bytes(graph(), owner));
    const std::string& name = graph().value(id).name;
    step.fences.push_back(
        fence({arena_, offsets_[static_cast<size_t>(root)], bytes}, name.empty() ? std::string("its result") : name));
    return {};
  }

  const CompileInputs& inputs_;
  std::unique_ptr<Program> program_;
  std::vector<Group> groups_;
  std::vector<bool> external_;  // by value
  std::optional<Storage> storage_;
  std::vector<Workspace> workspaces_;
  std::vector<uint64_t> offsets_;  // in the arena, by root value
  const Buffer* arena_ = nullptr;
  std::string refused_row_;
};

Result<std::unique_ptr<Program>> Program::compile(const Graph& graph, const CompileInputs& inputs) {
  Graph optimized = graph;
  if (inputs.optimize) {
    BP_TRY(optimized, optimize(graph, inputs.options));
  }
  // A plan may find out what query could not: then the next best row has its turn, or the reference.
  RefusedRows refused;
  for (;;) {
    BP_TRY(Division division, divide(optimized, inputs, refused));
    ProgramBuilder builder(std::move(division), inputs);
    auto program = builder.build();
    if (program.has_value() || builder.refused_row().empty()) return program;
    log::debug("compile: {}; without this kernel, then", program.error().message());
    if (!refused.emplace(builder.refused_row(), program.error().what).second) return program;
  }
}

}  // namespace bp
