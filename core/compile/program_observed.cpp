// A run that somebody watches, and what they may ask of its steps.
#include "base/check.h"
#include "compile/program.h"
#include "compile/program_step.h"
#include "compile/run_observer.h"

namespace bp {

Status Program::run_observed(uint64_t step_number, RunObserver& observer) {
  BP_TRY_VOID(observer.begin_run(*this, sizes_, queue_));
  for (size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    if (step.kind == Step::Kind::kView) continue;
    BP_TRY_VOID(observer.begin_launch(i));
    if (step.kind == Step::Kind::kLaunch) {
      BP_TRY_VOID(launch(step, step_number << 16 | i));
    } else {
      BP_TRY_VOID(run_on_reference(step));
    }
    BP_TRY_VOID(observer.end_launch(i));
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
