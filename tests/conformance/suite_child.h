// The process that loads the plugin: goes through the list of what there is to do, from one place on, and writes a line
// of JSON for each beginning and each result. Private to suite.cpp.
#pragma once

#include <string>

#include "suite.h"

namespace bp::conformance {

// Lines: {"plugin": …} and {"plan": [names]} first, or {"refused": error}; then {"begin": n, "kind", "name", …} and
// {"check" | "family" | "case": …} in turn; {"done": true} last. Never returns an error: it goes into a line.
void run_child(const SuiteOptions& options, size_t first, int fd);

}  // namespace bp::conformance
