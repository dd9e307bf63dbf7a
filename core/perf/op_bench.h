// Times the kernels of a program one by one, on inputs made for them.
#pragma once

#include <string>
#include <vector>

#include "compile/program.h"

namespace bp {

struct OpBenchRow {
  std::string kernel, problem;
  double us = 0;           // of one launch at the bucket's largest sizes: the median of `repeats`
  double gb_per_s = 0;     // each operand read or written once
  double gflop_per_s = 0;  // of matrix products; 0: none
  std::string why{};       // not empty: not timed, and why
};

// A row for each distinct problem of each kernel, in the order in which they run. A timing takes about `least_us`.
// Errors: kDevice where the device is lost.
Result<std::vector<OpBenchRow>> bench_ops(const Program& program, int repeats = 5, double least_us = 20'000);

}  // namespace bp
