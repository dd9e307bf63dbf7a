// Drives the engine through the case and keeps what the recorder saw.
#include "perf/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "perf/random_requests.h"

namespace bp {
namespace {

// Listens while it lives, and counts the pages in use while a step runs.
class Recording : public RunObserver {
 public:
  Recording(Engine& engine, Device* device, std::stop_token stop)
      : engine_(engine), recorder_(device), stop_(std::move(stop)) {
    engine_.executor().set_observer(this);
  }
  ~Recording() override { engine_.executor().set_observer(nullptr); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  const RunRecorder& recorder() const { return recorder_; }

  // kInterrupted where the profile is to end.
  Status go_on() const {
    if (stop_.stop_requested()) return fail(ErrorCode::kInterrupted, "profile", "interrupted");
    return {};
  }

  // One step of the engine. Errors: the engine's, and those of go_on().
  Result<StepRecord> step() {
    BP_TRY_VOID(go_on());
    StepRecord record;
    n_pages_ = 0;
    recorder_.take_runs();  // those of steps that do not count
    record.start_us = recorder_.now_us();
    BP_TRY_VOID(engine_.step());
    record.end_us = recorder_.now_us();
    record.runs = recorder_.take_runs();
    record.n_tokens = engine_.last_step().n_tokens;
    record.n_seqs = engine_.last_step().n_seqs;
    const auto n_all = static_cast<uint64_t>(std::max(1, engine_.executor().n_pages()));
    record.kv_bytes = engine_.executor().kv_bytes() / n_all * static_cast<uint64_t>(n_pages_);
    return record;
  }

  Status begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) override {
    n_pages_ = std::max(n_pages_, engine_.kv_pages_in_use());
    return recorder_.begin_run(program, sizes, queue);
  }
  Status begin_launch(size_t at) override { return recorder_.begin_launch(at); }
  Status end_launch(size_t at) override { return recorder_.end_launch(at); }
  Status end_run() override { return recorder_.end_run(); }

 private:
  Engine& engine_;
  RunRecorder recorder_;
  std::stop_token stop_;
  int n_pages_ = 0;
};

using Steps = std::vector<StepRecord>;

// The steps that read prompt tokens past the depth; one that reads tokens of both counts.
Status record_prefill(Recording& recording, Engine& engine, const Model& model, const ProfileCase& what, Steps& steps) {
  BP_TRY_VOID(add_random_requests(engine, model, what.batch, what.depth + what.n_prompt, 1));
  const int64_t before = int64_t{what.batch} * what.depth;
  for (int64_t done = 0; !engine.idle();) {
    BP_TRY(StepRecord step, recording.step());
    done += step.n_tokens;
    if (done > before) steps.push_back(std::move(step));
  }
  return {};
}

// The steps after the one that gave the last sequence its first token.
Status record_decode(Recording& recording, Engine& engine, const Model& model, const ProfileCase& what, Steps& steps) {
  BP_TRY_VOID(add_random_requests(engine, model, what.batch, std::max(what.depth, 1), what.n_gen + 1));
  for (int n_started = 0; n_started < what.batch;) {
    BP_TRY_VOID(recording.go_on());
    BP_TRY(const auto events, engine.step());
    n_started = std::max(n_started, static_cast<int>(events.size()));
  }
  while (!engine.idle()) {
    BP_TRY(StepRecord step, recording.step());
    steps.push_back(std::move(step));
  }
  return {};
}

// The time line goes on where the steps before ended. REQUIRES: `found` has a step.
void append(Steps& steps, Steps found, size_t phase) {
  const double shift = (steps.empty() ? 0 : steps.back().end_us) - found.front().start_us;
  for (StepRecord& step : found) {
    step.phase = phase;
    step.start_us += shift;
    step.end_us += shift;
    for (RunRecord& run : step.runs) {
      run.start_us += shift;
      run.end_us += shift;
      for (LaunchRecord& launch : run.launches) launch.start_us += shift;
    }
    steps.push_back(std::move(step));
  }
}

}  // namespace

Status check_profile_case(const ProfileCase& what, int max_context) {
  return check_tokens("profile", "run", what.n_prompt, what.n_gen, what.depth, max_context);
}

Result<Profile> profile(Engine& engine, const Model& model, Device* device, const ProfileCase& what,
                        const DeviceLimits* limits) {
  BP_TRY_VOID(check_profile_case(what, engine.max_context()));
  Profile made;
  made.model = model.path();
  made.device = device == nullptr ? "reference" : device->info().id;
  made.device_name = device == nullptr ? "the reference" : device->info().name;
  made.what = what;
  if (limits != nullptr) made.limits = *limits;
  made.memory.kv_bytes = engine.executor().kv_bytes();

  Recording recording(engine, device, what.stop);
  made.clock = recording.recorder().clock();
  Steps steps;
  std::vector<std::string> phases;
  const auto record = [&](const char* name, auto&& run) -> Status {
    Steps warm_up, found;
    BP_TRY_VOID(run(recording, engine, model, what, warm_up));
    BP_TRY_VOID(run(recording, engine, model, what, found));
    if (!found.empty()) append(steps, std::move(found), phases.size());
    phases.emplace_back(name);
    return {};
  };
  if (what.n_prompt > 0) BP_TRY_VOID(record("prefill", record_prefill));
  if (what.n_gen > 0) BP_TRY_VOID(record("decode", record_decode));
  summarise(steps, phases, made);
  return made;
}

}  // namespace bp
