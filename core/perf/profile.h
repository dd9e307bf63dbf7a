// Where the time of a model's steps goes: each launch timed, beside what it moved, what it multiplied and what the
// device's measured limits allow. docs/profiling.md says how to read it.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "perf/limits.h"
#include "perf/run_recorder.h"

namespace bp {

struct ProfileCase {
  int n_prompt = 128;      // > 0: the steps that read prompts of so many tokens are recorded
  int n_gen = 16;          // > 0: so many steps of one token for each sequence are recorded
  int batch = 1;           // sequences at once
  int depth = 0;           // tokens of context before
  std::stop_token stop{};  // kInterrupted within a step
};

// Times of launches that belong together, in microseconds.
struct LaunchTimes {
  std::vector<double> each;  // ascending once summarised

  int64_t count() const { return static_cast<int64_t>(each.size()); }
  double total() const;
  double mean() const;
  double p50() const;  // of an even number, the mean of the middle two
  double max() const;
};

// Launches that share a name: those at one place of the program, or an op's, a kernel's, a layer's.
struct ProfileRow {
  std::string name;
  LaunchTimes times;
  double bytes = 0, flops = 0;  // of all its launches together
  double bound_us = 0;          // what the limits allow for all of them; 0: not known
  double step_share = 0;        // of the time of the phase's steps

  double intensity() const { return bytes > 0 ? flops / bytes : 0; }  // FLOPs per byte
  double bytes_per_s() const;
  double flops_per_s() const;
  // Of the roofline; 0: not known. Above 1 where what counts as read came from a cache.
  double roofline_share() const;
};

// One place of the program, over all steps of a phase.
struct ProfileOp : ProfileRow {
  std::string op, scope, kernel, plugin, device, dtype, shape;
  std::string weight;  // the largest it reads; "": none
};

struct ProfilePhase {
  std::string name;  // "prefill" or "decode"
  int n_steps = 0;
  int64_t n_tokens = 0;
  double step_us = 0;    // of all steps together, on the host's clock
  double launch_us = 0;  // of all launches
  // Scheduling, parameters, and what lies between launches.
  double host_us() const { return step_us - launch_us; }
  double tokens_per_s() const { return step_us > 0 ? static_cast<double>(n_tokens) / step_us * 1e6 : 0; }
  std::vector<ProfileOp> ops;       // in the order in which they run
  std::vector<ProfileRow> by_part;  // the same place of every layer: "matmul ffn_down"; slowest first, as the others
  std::vector<ProfileRow> by_op, by_kernel, by_layer;
};

struct ProfileLaunch {
  size_t op = 0;  // of the phase's ops
  double start_us = 0, duration_us = 0;
  uint64_t live_bytes = 0;  // of the arena
};

struct ProfileRun {
  std::string program;  // the graph's name
  double start_us = 0, duration_us = 0;
  std::vector<ProfileLaunch> launches;
};

struct ProfileStep {
  size_t phase = 0;
  double start_us = 0, duration_us = 0;  // steps that were not recorded are cut out of the time line
  int n_tokens = 0, n_seqs = 0;
  uint64_t kv_bytes = 0;  // in pages of sequences
  std::vector<ProfileRun> runs;
};

struct ProfileMemory {
  uint64_t weight_bytes = 0;      // that launches read, in the layouts they read
  uint64_t kv_bytes = 0;          // reserved
  uint64_t kv_peak_bytes = 0;     // in use at most
  uint64_t arena_bytes = 0;       // of the largest program
  uint64_t arena_peak_bytes = 0;  // alive at once, at most
};

struct Profile {
  std::string model, device, device_name;
  LaunchClock clock = LaunchClock::kHost;
  ProfileCase what;
  DeviceLimits limits;  // read_bytes_per_s 0: not known
  std::vector<ProfilePhase> phases;
  std::vector<ProfileStep> steps;
  ProfileMemory memory;
};

// One step of the engine as it was recorded.
struct StepRecord {
  size_t phase = 0;
  double start_us = 0, end_us = 0;
  int n_tokens = 0, n_seqs = 0;
  uint64_t kv_bytes = 0;
  std::vector<RunRecord> runs;
};

// Rows, groups and the time line of recorded steps; adds to `profile`, whose limits count. REQUIRES: the programs of
// the records live.
void summarise(std::span<const StepRecord> steps, std::span<const std::string> phases, Profile& profile);

// kUsage where nothing is to run, or more than `max_context` tokens are needed.
Status check_profile_case(const ProfileCase& what, int max_context);

// Runs the case once to warm up and once recorded. `device` null: the reference; `limits` null: no rooflines. Errors:
// those of the check above, the engine's, and kInterrupted. REQUIRES: the engine is idle; it is so afterwards, but for
// an error.
Result<Profile> profile(Engine& engine, const Model& model, Device* device, const ProfileCase& what,
                        const DeviceLimits* limits);

}  // namespace bp
