// Compiles problems for the device under test and for the reference, runs both and compares.
// Not thread-safe. The device outlives its runners.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "compile/kernel_table.h"
#include "plugin_host/device.h"
#include "problem.h"

namespace bp::conformance {

using Outputs = std::map<std::string, Bytes>;

// How a problem is run.
struct Way {
  Device* device = nullptr;  // null: on the reference
  std::string row{};         // this kernel before all others; empty: as the host chooses
  // As a captured step runs it: launched with the bucket's largest sizes, the true ones in device memory, and past them
  // inputs that would do harm. Only where can_pad().
  bool padded = false;
};

class Runner {
 public:
  static Result<std::unique_ptr<Runner>> create(const Problem& problem, const Graph& graph, const Way& way);
  ~Runner();
  // The kernel of each step that does work: row ids, or "reference".
  const std::set<std::string>& kernels() const { return kernels_; }
  // Outputs and, after the run, KV inputs: as many bytes as the sizes make valid. An error also where the run wrote
  // past the end of an output or cache, or into an input that is only read.
  Result<Outputs> run(const Sizes& sizes);
  // Microseconds of one more run of the last sizes: the best mean of some.
  Result<double> time_us();

 private:
  struct State;
  Runner() = default;
  std::unique_ptr<State> state_;
  std::set<std::string> kernels_;
};

// Whether each dynamic size stands first in its values, and all kernels of the device's `rows` may be captured.
bool can_pad(const Graph& graph, const std::set<std::string>& rows, const Device& device);

// What a run reads and writes, without caches, and the multiplications and additions of its matrix products.
struct Work {
  double bytes = 0, flops = 0;
  bool caches = false;  // there are some: the bytes say nothing
};
Work work_of(const Graph& graph, const Sizes& sizes);

// Of outputs of fewer rows and of more: whether those are the first bytes of these.
bool is_prefix(const Outputs& fewer, const Outputs& more);

struct Difference {
  std::string text{};  // the first beyond the tolerance; empty: none
  double worst = 0;    // of the allowed difference, the largest share that was needed
};
Difference difference(const Problem& problem, const Graph& graph, const Outputs& got, const Outputs& want);

}  // namespace bp::conformance
