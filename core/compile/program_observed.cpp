// A run that somebody watches, and what they may ask of its steps.
#include "base/check.h"
#include "compile/program.h"
#include "compile/program_step.h"
#include "compile/run_observer.h"
#include "compile/strict_check.h"

namespace bp {

Status Program::run_watched(uint64_t step_number, RunObserver* observer) {
  if (observer != nullptr) BP_TRY_VOID(observer->begin_run(*this, sizes_, queue_));
  for (const uint32_t at : list_) {
    if (strict_ != nullptr) BP_TRY_VOID(strict_->before(at));
    if (observer != nullptr) BP_TRY_VOID(observer->begin_launch(at));
    BP_TRY_VOID(run_step(at, step_number));
    if (observer != nullptr) BP_TRY_VOID(observer->end_launch(at));
    if (strict_ != nullptr) BP_TRY_VOID(strict_->after(at));
  }
  return observer != nullptr ? observer->end_run() : Status{};
}

StepWork Program::work(size_t at) const {
  BP_CHECK(at < steps_.size(), "step {} of {}", at, steps_.size());
  const Step& step = steps_[at];
  StepWork work;
  work.nodes = step.nodes;
  for (const Step::Operand& operand : step.operands) {
    if (operand.value != kNone) work.operands.push_back({operand.value, operand.memory});
  }
  work.live_bytes = step.live_bytes;
  return work;
}

}  // namespace bp
