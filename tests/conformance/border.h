// Checks of what a device does besides kernels: memory, queues, copies, events, imports, native graphs, opening. They
// go through the plugin's own table, as plugin.h has it. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "judge.h"

namespace bp::conformance {

// What a check found. An empty `why` passes.
struct BorderFinding {
  Outcome outcome = Outcome::kPassed;  // kNoKernel: the device has no such thing
  std::string why{};
};

struct BorderCheck {
  std::string name;
  BorderFinding (*run)(Subject& subject);
  int grade = 0;  // that needs it, where the device has what it checks
};

// The seven required functions, then what a device may have.
const std::vector<BorderCheck>& border_checks();

// By file.
std::vector<BorderCheck> memory_checks();
std::vector<BorderCheck> copy_checks();
std::vector<BorderCheck> queue_checks();

}  // namespace bp::conformance
