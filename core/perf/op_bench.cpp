#include "perf/op_bench.h"

#include <algorithm>
#include <cmath>

#include "compile/kernel_trial.h"

namespace bp {
namespace {

Result<double> time_kernel(const KernelTrial& trial, int repeats, double least_us) {
  BP_TRY(KernelTrial::Ready ready, trial.prepare({}));
  BP_TRY(const double first, trial.time_us(ready, std::min<size_t>(trial.n_places(), 4)));
  const auto n_launches = static_cast<size_t>(std::clamp(std::ceil(least_us / std::max(first, 0.01)), 1.0, 1e5));
  std::vector<double> us;
  for (int i = 0; i < std::max(repeats, 1); ++i) {
    BP_TRY(const double once, trial.time_us(ready, n_launches));
    us.push_back(once);
  }
  std::ranges::sort(us);
  return us[us.size() / 2];
}

}  // namespace

Result<std::vector<OpBenchRow>> bench_ops(const Program& program, int repeats, double least_us) {
  std::vector<OpBenchRow> rows;
  for (const KernelProblem& problem : kernel_problems(program)) {
    OpBenchRow row;
    row.kernel = problem.kernel;
    row.problem = problem.problem;
    const auto trial = KernelTrial::create(program, problem.places);
    if (!trial.has_value()) {
      row.why = trial.error().message();
      rows.push_back(std::move(row));
      continue;
    }
    const auto us = time_kernel(**trial, repeats, least_us);
    if (!us.has_value()) {
      if ((*trial)->device().fault().lost()) return std::unexpected(us.error());
      row.why = us.error().message();
    } else {
      row.us = *us;
      row.gb_per_s = (*trial)->bytes() / *us / 1e3;
      row.gflop_per_s = (*trial)->flops() / *us / 1e3;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace bp
