#include "perf/run_recorder.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bp {

std::vector<RunRecord> RunRecorder::take_runs() {
  std::vector<RunRecord> records;
  std::vector<TimedRun> runs = timer_.take_runs();
  for (size_t i = 0; i < runs.size(); ++i) records.push_back({{std::move(runs[i])}, std::move(contents_[i])});
  contents_.clear();
  return records;
}

const RunRecorder::Reads& RunRecorder::reads_of(const Program& program) {
  const auto [found, is_new] = reads_.try_emplace(&program);
  if (is_new) {
    for (size_t at = 0; at < program.steps().size(); ++at) {
      found->second.work.push_back(program.work(at));
      found->second.deciding.push_back(deciding_operands(program.graph(), found->second.work.back()));
    }
  }
  return found->second;
}

Status RunRecorder::begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) {
  program_ = &program;
  sizes_.assign(sizes.begin(), sizes.end());
  queue_ = queue;
  current_ = &reads_of(program);
  BP_TRY_VOID(timer_.begin_run(program, sizes, queue));
  contents_.emplace_back();
  return {};
}

Status RunRecorder::end_launch(size_t at) {
  BP_TRY_VOID(timer_.end_launch(at));
  return read_contents(at);
}

Status RunRecorder::read_contents(size_t at) {
  IntOperands& contents = contents_.back();
  for (const ValueId id : current_->deciding[at]) {
    if (contents.contains(id)) continue;
    const auto& operands = current_->work[at].operands;
    const auto operand = std::ranges::find(operands, id, &StepWork::Operand::value);
    const auto n = static_cast<uint64_t>(elements_at(program_->graph().value(id), sizes_));
    BP_TRY(contents[id],
           read_ints(operand->memory, std::min<uint64_t>(n, operand->memory.size_bytes / sizeof(int32_t))));
  }
  return {};
}

Result<std::vector<int32_t>> RunRecorder::read_ints(const BufferSpan& memory, size_t n) const {
  std::vector<int32_t> ints(n);
  if (n == 0) return ints;
  if (memory.host() != nullptr) {
    if (queue_ != nullptr && timer_.clock() != LaunchClock::kHost) BP_TRY_VOID(queue_->sync());
    std::memcpy(ints.data(), memory.host(), n * sizeof(int32_t));
    return ints;
  }
  BP_TRY_VOID(
      queue_->read(memory.buffer->span(memory.offset, n * sizeof(int32_t)), std::as_writable_bytes(std::span(ints))));
  return ints;
}

}  // namespace bp
