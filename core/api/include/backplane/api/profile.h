// Where the time of a model's steps goes. Part of <backplane/backplane.h>; docs/profiling.md says how to read it.
#pragma once

#include <backplane/api/engine.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bp::api {

struct ProfileOptions {
  int n_prompt = 128;  // > 0: the steps that read a prompt of so many tokens are recorded
  int n_gen = 16;      // > 0: so many steps of one token are recorded
  int depth = 0;       // tokens of context before
  bool limits = true;  // measure the device first, a second or two: without it there are no rooflines
};

// One place of the program, over all steps of a phase. Times in microseconds.
struct ProfileOp {
  std::string phase;  // "prefill" or "decode"
  std::string op, scope, kernel, device, dtype, shape;
  std::string weight;  // the largest it reads; "": none
  int64_t count = 0;   // launches
  double total_us = 0, mean_us = 0, p50_us = 0, max_us = 0;
  double step_share = 0;        // of the time of the phase's steps
  double bytes = 0, flops = 0;  // of all its launches together
  double roofline_share = 0;    // 0: not known
};

struct ProfilePhase {
  std::string name;
  int n_steps = 0;
  int64_t n_tokens = 0;
  double step_us = 0, launch_us = 0;  // of all steps, and of the launches in them
};

struct Profile {
  std::vector<ProfilePhase> phases;
  std::vector<ProfileOp> ops;
  std::string json;   // all of it, as `backplane profile --json` prints it
  std::string trace;  // for Perfetto
  std::string html;   // a page that needs nothing else
};

// Runs the case once to warm up and once recorded, on random tokens. Errors: kUsage where nothing is to run or the
// context is too short; the device's.
Profile profile(Engine& engine, const ProfileOptions& options = {});

}  // namespace bp::api
