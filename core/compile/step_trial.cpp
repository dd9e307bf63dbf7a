#include "compile/step_trial.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

#include "compile/divide.h"
#include "compile/program_step.h"
#include "compile/reference_run.h"
#include "compile/result_check.h"

namespace bp {

// Puts variants in their places, and the program's own back.
class StepTrial::Exchange {
 public:
  Exchange(Program& program, std::span<Variant* const> variants) : program_(program), variants_(variants) { swap(); }
  ~Exchange() { swap(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  void swap() {
    for (Variant* variant : variants_) {
      if (variant == nullptr) continue;
      for (size_t i = 0; i < variant->places.size(); ++i)
        std::swap(program_.steps_[variant->places[i]].bound, variant->bounds[i]);
    }
  }

  Program& program_;
  std::span<Variant* const> variants_;
};

// Takes the results of some launches before the next can overwrite them.
class StepTrial::Reader : public RunObserver {
 public:
  Reader(Program& program, std::span<Variant* const> variants)
      : bytes(variants.size()), program_(program), variants_(variants) {}
  std::vector<std::vector<std::byte>> bytes;  // by variant

  Status begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) override {
    is_watched_ = &program == &program_;
    sizes_.assign(sizes.begin(), sizes.end());
    queue_ = queue;
    return {};
  }
  Status begin_launch(size_t) override { return {}; }
  Status end_launch(size_t at) override {
    const auto variant = std::ranges::find(variants_, at, [](const Variant* v) { return v->places.front(); });
    if (!is_watched_ || variant == variants_.end()) return {};
    std::vector<std::byte>& of_it = bytes[static_cast<size_t>(variant - variants_.begin())];
    of_it.clear();
    const Program::Step& step = program_.steps_[at];
    for (const auto& operand : step.operands) {
      if (operand.value == kNone) continue;
      const Value& value = program_.graph_.value(operand.value);
      if (!is_result(step, value)) continue;
      BP_TRY(const uint64_t n, bytes_at(value, sizes_));
      const size_t before = of_it.size();
      of_it.resize(before + n);
      if (n == 0) continue;
      const bp_span from = operand.memory.buffer->span(operand.memory.offset, n);
      BP_TRY_VOID(queue_->read(from, std::span(of_it).subspan(before)));
    }
    return {};
  }
  Status end_run() override { return {}; }

  static bool is_result(const Program::Step& step, const Value& value) {
    return value.updates == kNone && std::ranges::find(step.nodes, value.producer) != step.nodes.end();
  }

 private:
  Program& program_;
  std::span<Variant* const> variants_;
  bool is_watched_ = false;
  std::vector<int64_t> sizes_;
  Queue* queue_ = nullptr;
};

double StepTrial::Times::of(std::span<const size_t> places) const {
  double us = 0;
  for (const size_t place : places) us += launch_us[place];
  return us;
}

StepTrial::StepTrial(Program& program) : program_(program), timer_(program.device_) {}

Device& StepTrial::device() const { return *program_.device_; }

const bp_kernel& StepTrial::kernel(size_t place) const { return *program_.steps_[place].kernel; }

Result<std::unique_ptr<StepTrial::Variant>> StepTrial::prepare(std::span<const size_t> places,
                                                               const KernelConfig& config) {
  auto variant = std::make_unique<Variant>();
  variant->places.assign(places.begin(), places.end());
  const Program::Step& first = program_.steps_[places.front()];
  const Region region = region_of(program_.graph_, first.match, first.layouts, device());
  BP_TRY(variant->plan, device().plan(*first.kernel, region.view(), config));
  std::vector<bp_span> workspaces;
  for (const bp_ws_need& need : variant->plan.info().workspaces) {
    if (need.kind == BP_WS_SCRATCH) {
      BP_TRY(const bp_span span, scratch(workspaces.size(), need.bytes));
      workspaces.push_back(span);
    } else {
      BP_TRY(const bp_span span, make_workspace(need, device(), *program_.queue_, variant->workspaces));
      workspaces.push_back(span);
    }
  }
  for (const size_t place : places) {
    BP_TRY(Bound bound, variant->plan.bind(program_.steps_[place].args, workspaces));
    variant->bounds.emplace_back(std::move(bound));
  }
  return variant;
}

Result<bp_span> StepTrial::scratch(size_t index, uint64_t n_bytes) {
  if (scratch_.size() <= index) scratch_.resize(index + 1);
  auto& buffers = scratch_[index];
  if (buffers.empty() || buffers.back()->size_bytes() < n_bytes) {
    BP_TRY(Buffer buffer, Buffer::create(&device(), std::max<uint64_t>(n_bytes, 64), "trial scratch"));
    buffers.push_back(std::make_unique<Buffer>(std::move(buffer)));
  }
  return buffers.back()->span(0, n_bytes);
}

Result<StepTrial::Times> StepTrial::time(std::span<Variant* const> variants, const RunAgain& run) {
  timer_.take_runs();
  {
    const Exchange exchange(program_, variants);
    BP_TRY_VOID(run(&timer_));
  }
  Times times;
  times.launch_us.resize(program_.steps_.size());
  const std::vector<TimedRun> runs = timer_.take_runs();
  BP_CHECK(!runs.empty() && runs.back().program == &program_, "a run of another program: {} runs", runs.size());
  for (const TimedRun& timed : runs) {
    if (timed.program != &program_) continue;
    times.run_us = timed.end_us - timed.start_us;
    for (size_t i = 0; i < timed.sizes.size(); ++i) {
      if (program_.graph_.symbols[i].name == "n_tokens") times.n_tokens = timed.sizes[i];
    }
    for (const LaunchRecord& launch : timed.launches) times.launch_us[launch.at] = launch.duration_us;
  }
  return times;
}

Result<std::vector<std::vector<std::byte>>> StepTrial::results(std::span<Variant* const> variants,
                                                               const RunAgain& run) {
  for (const Variant* variant : variants) {
    const Program::Step& step = program_.steps_[variant->places.front()];
    const bool has_results = std::ranges::any_of(step.operands, [&](const auto& operand) {
      return operand.value != kNone && Reader::is_result(step, program_.graph_.value(operand.value));
    });
    if (!has_results)
      return fail(ErrorCode::kUnsupported, step.kernel->id, "changes what is there, which cannot be compared");
  }
  Reader reader(program_, variants);
  const Exchange exchange(program_, variants);
  BP_TRY_VOID(run(&reader));
  return std::move(reader.bytes);
}

double StepTrial::difference(size_t place, std::span<const std::byte> got, std::span<const std::byte> want) const {
  std::vector<ValueId> results;
  const Program::Step& step = program_.steps_[place];
  for (const auto& operand : step.operands) {
    if (operand.value != kNone && Reader::is_result(step, program_.graph_.value(operand.value)))
      results.push_back(operand.value);
  }
  return results_difference(program_.graph_, results, got, want);
}

double StepTrial::tolerance(size_t place) const {
  return result_tolerance(program_.graph_, program_.steps_[place].match.slots);
}

}  // namespace bp
