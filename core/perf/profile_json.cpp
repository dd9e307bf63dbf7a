#include "perf/profile_output.h"

namespace bp {
namespace {

json::object row_json(const ProfileRow& row) {
  return {{"name", row.name},
          {"count", row.times.count()},
          {"total_us", row.times.total()},
          {"mean_us", row.times.mean()},
          {"p50_us", row.times.p50()},
          {"max_us", row.times.max()},
          {"step_share", row.step_share},
          {"bytes", row.bytes},
          {"flops", row.flops},
          {"intensity", row.intensity()},
          {"gbps", row.bytes_per_s() / 1e9},
          {"gflops", row.flops_per_s() / 1e9},
          {"roofline_share", row.roofline_share()}};
}

json::object op_json(const ProfileOp& op, const std::string& phase) {
  json::object row = {{"phase", phase},      {"op", op.op},         {"scope", op.scope},
                      {"kernel", op.kernel}, {"plugin", op.plugin}, {"device", op.device},
                      {"dtype", op.dtype},   {"shape", op.shape},   {"weight", op.weight}};
  for (auto& [key, value] : row_json(op)) row[key] = value;
  return row;
}

json::array rows_json(const std::vector<ProfileRow>& rows) {
  json::array all;
  for (const ProfileRow& row : rows) all.push_back(row_json(row));
  return all;
}

json::object phase_json(const ProfilePhase& phase) {
  return {{"name", phase.name},
          {"n_steps", phase.n_steps},
          {"n_tokens", phase.n_tokens},
          {"step_us", phase.step_us},
          {"launch_us", phase.launch_us},
          {"host_us", phase.host_us()},
          {"tokens_per_s", phase.tokens_per_s()},
          {"by_part", rows_json(phase.by_part)},
          {"by_op", rows_json(phase.by_op)},
          {"by_kernel", rows_json(phase.by_kernel)},
          {"by_layer", rows_json(phase.by_layer)}};
}

}  // namespace

const char* launch_clock_name(LaunchClock clock) {
  return clock == LaunchClock::kHost ? "host" : clock == LaunchClock::kEvents ? "events" : "drained";
}

json::object profile_json(const Profile& profile) {
  json::object rates;
  for (const auto& [dtype, rate] : profile.limits.matrix_ops_per_s) rates[dtype_name(dtype)] = rate / 1e9;
  json::array phases, ops;
  for (const ProfilePhase& phase : profile.phases) {
    phases.push_back(phase_json(phase));
    for (const ProfileOp& op : phase.ops) ops.push_back(op_json(op, phase.name));
  }
  const ProfileMemory& memory = profile.memory;
  return {{"model", profile.model},
          {"device", profile.device},
          {"device_name", profile.device_name},
          {"clock", launch_clock_name(profile.clock)},
          {"n_prompt", profile.what.n_prompt},
          {"n_gen", profile.what.n_gen},
          {"batch", profile.what.batch},
          {"depth", profile.what.depth},
          {"limits", json::object{{"read_gbps", profile.limits.read_bytes_per_s / 1e9}, {"matrix_gflops", rates}}},
          {"phases", phases},
          {"ops", ops},
          {"memory", json::object{{"weights", memory.weight_bytes},
                                  {"kv", memory.kv_bytes},
                                  {"kv_peak", memory.kv_peak_bytes},
                                  {"arena", memory.arena_bytes},
                                  {"arena_peak", memory.arena_peak_bytes}}}};
}

}  // namespace bp
