// A run that somebody watches, and what they may ask of its steps.
#include "base/check.h"
#include "compile/program.h"
#include "compile/program_step.h"
#include "compile/run_observer.h"

namespace bp {

Status Program::run_observed(uint64_t step_number, RunObserver& observer) {
  BP_TRY_VOID(observer.begin_run(*this, sizes_, queue_));
  for (const uint32_t at : list_) {
    BP_TRY_VOID(observer.begin_launch(at));
    BP_TRY_VOID(run_step(at, step_number));
    BP_TRY_VOID(observer.end_launch(at));
  }
  return observer.end_run();
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
