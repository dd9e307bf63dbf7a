// What became of a case: run on the device as the host chooses, then once more with each row of the plugin that can
// take it, each time against the reference. Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cases.h"
#include "subject.h"

namespace bp::conformance {

enum class Outcome : uint8_t {
  kPassed,
  kFailed,
  kNoKernel,  // the plugin has none for it: the reference would run it
  kSkipped,   // as skips.toml says
};
std::string_view outcome_name(Outcome outcome);  // "passed", "failed", "no kernel", "skipped"
Outcome outcome_of(std::string_view name);       // kFailed for what is no name

// One kernel in a case.
struct RowResult {
  std::string row;
  bool passed = false;
  bool padded = false;          // also as a captured step launches it
  double worst = 0;             // of the difference that is allowed, the largest share that was needed
  double us = 0;                // of one run at the largest sizes; 0: not timed, or more kernels than this one ran
  double reference_us = 0;      // of the same on the reference
  double gbps = 0, gflops = 0;  // 0: does not say anything here
};

struct CaseResult {
  std::string name;
  std::string op;     // what is computed, "matmul", "mul+silu"
  std::string dtype;  // of the weight, the cache or the first input
  Outcome outcome = Outcome::kFailed;
  std::string why;  // of a failure or skip
  std::vector<RowResult> rows;
};

CaseResult judge(const Case& entry, Subject& subject, bool timed);

// The ops of the graph that `entry` makes; empty where it makes none.
std::vector<std::string> ops_of(const Case& entry);

}  // namespace bp::conformance
