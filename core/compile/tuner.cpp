#include "compile/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "compile/kernel_search.h"

namespace bp {
namespace {

bool proposes(const Device& device) {
  const auto* ext = static_cast<const bp_ext_tune*>(device.extension("tune/1"));
  return ext != nullptr && BP_HAS(bp_ext_tune, ext, propose);
}

}  // namespace

Result<std::unique_ptr<Tuner>> Tuner::create(Tuning& tuning, TunerOptions options) {
  BP_TRY(TuningJournal journal, TuningJournal::open(tuning.journal_path()));
  return std::unique_ptr<Tuner>(new Tuner(tuning, std::move(options), std::move(journal)));
}

void Tuner::add(Program& program, std::vector<RunAgain> runs) {
  Task task{&program, std::move(runs), {}};
  for (KernelProblem& found : kernel_problems(program)) {
    if (program.kernel_at(found.places.front())->n_tunable == 0) continue;
    TunedKernel* known = nullptr;
    for (Task& other : tasks_) {
      for (Problem& problem : other.problems) {
        if (problem.report.kernel == found.kernel && problem.report.problem == found.problem) known = &problem.report;
      }
    }
    if (known != nullptr) {
      known->n_launches += found.places.size();
      continue;
    }
    Problem problem{std::move(found.places), {}};
    problem.report.kernel = std::move(found.kernel);
    problem.report.problem = std::move(found.problem);
    problem.report.n_launches = problem.places.size();
    task.problems.push_back(std::move(problem));
  }
  if (task.problems.empty()) return;
  n_all_ += task.problems.size() + (task.runs.empty() ? 0 : 1);
  tasks_.push_back(std::move(task));
}

Status Tuner::tell_progress() {
  if (options_.progress) options_.progress(n_done_++, n_all_);
  if (!options_.stop.stop_requested()) return {};
  return fail(ErrorCode::kInterrupted, "tune", "interrupted", "what was found is kept");
}

Result<TunerReport> Tuner::run() {
  TunerReport report;
  for (Task& task : tasks_) {
    std::vector<StepSearch::Problem> problems;
    for (Problem& problem : task.problems) {
      BP_TRY_VOID(tell_progress());
      BP_TRY(StepSearch::Problem found, search(task, problem));
      if (!task.runs.empty() && problem.report.why.empty()) problems.push_back(std::move(found));
    }
    if (!task.runs.empty()) BP_TRY_VOID(compare(task, problems, report));
    for (Problem& problem : task.problems) report.kernels.push_back(problem.report);
  }
  if (options_.progress) options_.progress(n_all_, n_all_);
  return report;
}

Result<StepSearch::Problem> Tuner::search(Task& task, Problem& problem) {
  StepSearch::Problem found{problem.places, {}, true, &problem.report};
  TunedKernel& report = problem.report;
  const bp_kernel& kernel = *task.program->kernel_at(problem.places.front());
  auto trial = KernelTrial::create(*task.program, problem.places);
  if (task.runs.empty()) {
    if (!trial.has_value()) {
      report.why = trial.error().message();
      return found;
    }
    KernelSearch search(tuning_, journal_, options_, **trial, report);
    BP_TRY(const auto faster, search.run());
    KernelConfig best = default_config(kernel);
    if (!faster.empty() && report.why.empty()) {
      BP_TRY(best, search.confirm(faster.front()));
    }
    keep(kernel, report, best);
    return found;
  }
  if (trial.has_value() && proposes((*trial)->device())) {
    BP_TRY(found.configs, KernelSearch(tuning_, journal_, options_, **trial, report).run());
    return found;
  }
  const ConfigSpace space(kernel, tuning_.deterministic());
  found.configs = space.count(kFewConfigs) <= kFewConfigs ? space.all() : space.around(default_config(kernel));
  std::erase(found.configs, default_config(kernel));
  if (found.configs.size() > options_.most_configs) found.configs.resize(options_.most_configs);
  // Where only a run of the model can make its inputs, the numbers are checked in one.
  found.is_screened = trial.has_value();
  if (trial.has_value()) {
    BP_TRY(found.configs, KernelSearch(tuning_, journal_, options_, **trial, report).check(found.configs));
  }
  return found;
}

Status Tuner::compare(Task& task, std::vector<StepSearch::Problem>& problems, TunerReport& report) {
  BP_TRY_VOID(tell_progress());
  StepTrial trial(*task.program);
  StepSearch search(trial, tuning_, journal_, options_);
  BP_TRY(const TunedStep step, search.run(problems, task.runs));
  report.steps.push_back(step);
  for (StepSearch::Problem& problem : problems) {
    const bp_kernel& kernel = trial.kernel(problem.places.front());
    keep(kernel, *problem.report, problem.kept.empty() ? default_config(kernel) : problem.kept);
  }
  return {};
}

void Tuner::keep(const bp_kernel& kernel, TunedKernel& report, const KernelConfig& config) {
  report.config = config_text(kernel, config);
  if (!report.why.empty()) return;
  TuningEntry entry{tuning_.key(kernel, report.problem), {}, report.us, report.default_us};
  for (size_t i = 0; i < config.size(); ++i) entry.config.push_back({tunable_at(kernel, i).name, config[i]});
  if (entry.key.plugin.empty()) return;  // what has no hash cannot be told from its next version
  if (const Status kept = tuning_.cache().add({&entry, 1}); !kept.has_value())
    log::warn("tuning: {}; the result is lost", kept.error().message());
}

}  // namespace bp
