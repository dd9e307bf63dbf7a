// Runs the whole suite on a plugin, each part in a child process: a plugin that crashes or hangs costs the case that it
// did so in, and nothing else. The calling process never loads the plugin. Not thread-safe; the caller has no other
// threads, since the child is forked.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "results.h"
#include "skips.h"
#include "subject.h"

namespace bp::conformance {

struct SuiteOptions {
  SubjectOptions subject;
  std::string only{};  // a regular expression over names; empty: all
  std::string op{};    // cases in whose graph it is; empty: all
  bool timed = true;
  int timeout_s = 120;  // of one case
  Skips skips{};
};

// How far it has come.
struct SuiteProgress {
  uint64_t done = 0, total = 0;
  std::string name;
};

// Errors: kRefused, a plugin that cannot be used; kDevice, no such device; kUsage, `only` or a skip that names no case;
// kInterrupted once *stop is true.
Result<Findings> run_suite(const SuiteOptions& options, const std::function<void(const SuiteProgress&)>& progress,
                           const std::atomic<bool>* stop = nullptr);

}  // namespace bp::conformance
