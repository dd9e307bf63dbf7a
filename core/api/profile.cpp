// Program::profile: the recorder of core/perf on a compiled function.
#include <backplane/api/program.h>
#include <fmt/format.h>

#include <algorithm>

#include "api/program_state.h"
#include "api/raise.h"
#include "api/session_state.h"
#include "perf/launch_work.h"
#include "perf/run_recorder.h"

namespace bp::api {

ProgramProfile Program::profile(const std::vector<Tensor>& inputs, int n_runs) const {
  if (n_runs < 1) raise(ErrorCode::kUsage, "profile", fmt::format("{} runs", n_runs), "give 1 or more");
  run(inputs);  // compiles the bucket, and touches its memory
  BoundGraph* bound = state_->last;
  const std::vector<int64_t> sizes = unwrap(state_->sizes_of_inputs(inputs));
  std::vector<Content> contents;
  for (const Tensor& input : inputs) contents.push_back(input.state()->content);
  RunRecorder recorder(state_->session->device_handle());
  for (int i = 0; i < n_runs; ++i) unwrap(bound->run(contents, sizes, state_->session->next_step(), &recorder));

  ProgramProfile profile;
  profile.n_runs = n_runs;
  const std::vector<Step> all = steps();
  const bp::Program& program = bound->program();
  std::vector<ProgramProfile::Row> rows(all.size());
  std::vector<bool> launched(all.size(), false);
  for (const RunRecord& record : recorder.take_runs()) {
    profile.run_us += (record.end_us - record.start_us) / n_runs;
    for (const LaunchRecord& launch : record.launches) {
      const LaunchWork work = work_of(program.graph(), program.work(launch.at), record.sizes, record.contents);
      ProgramProfile::Row& row = rows[launch.at];
      row.mean_us += launch.duration_us / n_runs;
      row.bytes += work.bytes() / n_runs;
      row.flops += work.flops / n_runs;
      launched[launch.at] = true;
    }
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!launched[i]) continue;
    rows[i].step = all[i];
    rows[i].share = profile.run_us > 0 ? rows[i].mean_us / profile.run_us : 0;
    profile.rows.push_back(std::move(rows[i]));
  }
  return profile;
}

std::string ProgramProfile::text() const {
  std::vector<const Row*> sorted;
  for (const Row& row : rows) sorted.push_back(&row);
  std::ranges::stable_sort(sorted, std::greater{}, &Row::mean_us);
  std::string out = fmt::format("{} runs, {:.1f} us each\n{:>10} {:>6} {:>8} {:>8}  step\n", n_runs, run_us, "us",
                                "share", "GB/s", "GFLOP/s");
  for (const Row* row : sorted) {
    const double per_ns = row->mean_us > 0 ? 1e-3 / row->mean_us : 0;
    out += fmt::format("{:>10.1f} {:>5.1f}% {:>8.2f} {:>8.2f}  {} {} ({})\n", row->mean_us, 100 * row->share,
                       row->bytes * per_ns, row->flops * per_ns, row->step.scope, row->step.op, row->step.kernel);
  }
  return out;
}

}  // namespace bp::api
