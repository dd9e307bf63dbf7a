// Compiles problems for the device under test and for the reference, runs both and compares.
// Not thread-safe: the plugins of a process are found once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compile/kernel_table.h"
#include "plugin_host/device.h"
#include "problem.h"

namespace bp::conformance {

using Outputs = std::map<std::string, Bytes>;

// The device that $BACKPLANE_CONFORM_DEVICE names, or cpu:0 of this build's plugins; $BACKPLANE_CONFORM_OPTIONS
// ("isa=avx2 threads=1") are options of its plugin. Null, with the reason printed, where it cannot be opened.
Device* device_under_test();

// One way to run a problem: on the device with a row forced (or none), or on the reference (device null).
class Runner {
 public:
  static Result<std::unique_ptr<Runner>> create(Problem& problem, const Graph& graph, Device* device,
                                                const std::string& forced_row);
  ~Runner();
  // The kernel of each step that does work: row ids, or "reference".
  const std::set<std::string>& kernels() const { return kernels_; }
  // Outputs and, after the run, KV inputs: as many bytes as the sizes make valid.
  Result<Outputs> run(const Sizes& sizes);

 private:
  struct State;
  Runner() = default;
  std::unique_ptr<State> state_;
  std::set<std::string> kernels_;
};

// The first difference beyond the tolerance, or empty.
std::string difference(const Problem& problem, const Graph& graph, const Outputs& got, const Outputs& want);

}  // namespace bp::conformance
