// The grade of a port, 0 to 5, as docs/conform.md defines it, out of what a run found. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "results.h"

namespace bp::conformance {

struct Grade {
  int reached = -1;                // -1: not even 0
  std::vector<std::string> needs;  // what the next grade still wants; empty at the highest
};

// REQUIRES: findings.graded().
Grade grade_of(const Findings& findings);

// A row of the pass table: what is known of one kernel over all cases that it ran in.
struct RowSummary {
  RowFacts row;
  int64_t n_passed = 0, n_failed = 0;
  std::vector<std::string> dtypes;
  double worst = 0;                                       // see RowResult
  std::string timed_in;                                   // the case with the most work of those timed
  double us = 0, reference_us = 0, gbps = 0, gflops = 0;  // of that case
};
std::vector<RowSummary> summarize(const Findings& findings);

}  // namespace bp::conformance
