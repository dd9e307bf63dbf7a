// "Trace Event Format" (Google, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU):
// times in microseconds, complete events ("X") that nest by time on one thread, counters ("C"), names as metadata
// ("M").
#include "perf/profile_output.h"

#include <fmt/format.h>

namespace bp {
namespace {

constexpr int kPid = 1;
constexpr int kHostTid = 1;    // steps; programs and launches too where the host's clock timed them
constexpr int kDeviceTid = 2;  // programs and launches on the device's clock, which need not nest in the host's

json::object metadata(const char* what, int tid, const std::string& name) {
  return {{"ph", "M"}, {"pid", kPid}, {"tid", tid}, {"name", what}, {"args", json::object{{"name", name}}}};
}

json::object span(int tid, const std::string& name, const char* category, double start_us, double duration_us) {
  return {{"ph", "X"},       {"pid", kPid},    {"tid", tid},        {"name", name},
          {"cat", category}, {"ts", start_us}, {"dur", duration_us}};
}

json::object counter(const char* name, const char* key, double at_us, uint64_t bytes) {
  return {{"ph", "C"},    {"pid", kPid}, {"tid", kHostTid},
          {"name", name}, {"ts", at_us}, {"args", json::object{{key, bytes}}}};
}

void add_run(const ProfileRun& run, const ProfilePhase& phase, int tid, json::array& events) {
  // On a device's clock the last launch may end after the host has seen the end.
  double end_us = run.start_us + run.duration_us;
  for (const ProfileLaunch& launch : run.launches) end_us = std::max(end_us, launch.start_us + launch.duration_us);
  events.push_back(span(tid, run.program, "program", run.start_us, end_us - run.start_us));
  for (const ProfileLaunch& launch : run.launches) {
    const ProfileOp& op = phase.ops[launch.op];
    json::object event = span(tid, op.name, "launch", launch.start_us, launch.duration_us);
    event["args"] = json::object{{"op", op.op},       {"kernel", op.kernel}, {"dtype", op.dtype},
                                 {"shape", op.shape}, {"weight", op.weight}, {"device", op.device}};
    events.push_back(std::move(event));
    events.push_back(counter("activations", "bytes", launch.start_us, launch.live_bytes));
  }
  events.push_back(counter("activations", "bytes", end_us, 0));
}

}  // namespace

std::string profile_trace(const Profile& profile) {
  const int tid = profile.clock == LaunchClock::kEvents ? kDeviceTid : kHostTid;
  json::array events;
  events.push_back(
      metadata("process_name", kHostTid, fmt::format("backplane {} on {}", profile.model, profile.device)));
  events.push_back(metadata("thread_name", kHostTid, tid == kHostTid ? "steps and launches" : "steps"));
  if (tid == kDeviceTid) events.push_back(metadata("thread_name", kDeviceTid, profile.device));
  for (size_t i = 0; i < profile.steps.size(); ++i) {
    const ProfileStep& step = profile.steps[i];
    const ProfilePhase& phase = profile.phases[step.phase];
    json::object event = span(kHostTid, fmt::format("step {}", i), phase.name.c_str(), step.start_us, step.duration_us);
    event["args"] = json::object{{"phase", phase.name}, {"n_tokens", step.n_tokens}, {"n_seqs", step.n_seqs}};
    events.push_back(std::move(event));
    events.push_back(counter("weights", "bytes", step.start_us, profile.memory.weight_bytes));
    events.push_back(counter("kv pages in use", "bytes", step.start_us, step.kv_bytes));
    for (const ProfileRun& run : step.runs) add_run(run, phase, tid, events);
  }
  return write_json(json::object{{"traceEvents", events}, {"displayTimeUnit", "ms"}});
}

}  // namespace bp
