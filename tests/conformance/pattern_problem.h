// Makes a graph that a kernel row's pattern matches: operands are given shapes that the opset's shape texts and the
// row's guard allow, found by trying some. Immutable after construction.
#pragma once

#include <backplane/plugin.h>

#include <map>
#include <string>
#include <vector>

#include "graph/guard.h"
#include "graph/pattern.h"
#include "problem.h"

namespace bp::conformance {

// What the opset leaves open.
struct PatternChoice {
  size_t dtype = 0;        // which of the dtypes that the guard lists for a slot
  size_t rank = 2;         // of "[..]"
  int64_t width = 64;      // of columns, and of heads
  size_t alternative = 0;  // of "[T] or [T, k]"
  bool trailing = false;   // the second operand of add, mul, …: a row, instead of as many as the first has
  bool optional = true;    // operands that may be absent are there
  int64_t least = 0;       // of rows
};

class PatternProblem {
 public:
  explicit PatternProblem(const bp_kernel& kernel);

  // How many dtypes the longest list of the guard has; at least 1.
  size_t n_dtypes() const { return n_dtypes_; }
  std::vector<PatternChoice> choices(size_t dtype) const;
  // False where these shapes do not fit. The problem is good for nothing then.
  bool make(Problem& problem, const PatternChoice& choice) const;
  // Whether pattern and guard hold in what make() made.
  bool matches(const Problem& problem) const;

 private:
  friend class PatternMaker;
  void read_guard();

  const bp_kernel& kernel_;
  Pattern pattern_;
  Guard guard_;
  bool usable_ = false;
  std::map<std::string, std::vector<DType>> dtypes_;       // by slot, as the guard lists them
  std::map<std::string, std::vector<std::string>> attrs_;  // by "op.key"
  std::map<std::string, bool> has_;                        // by slot
  size_t n_dtypes_ = 1;
};

}  // namespace bp::conformance
