// Runs a program without a shell and waits for it. Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace bp {

struct ChildCommand {
  std::vector<std::string> arguments;  // the first is the program: a path, or a name on $PATH
  std::string folder;                  // its current one, and its $TMPDIR
  std::string output_file{};           // standard output goes to its end; empty: kept with standard error
  int64_t timeout_ms = 1'800'000;
  std::function<void()> waiting{};  // called now and then meanwhile
  std::stop_token stop{};
};

struct ChildEnd {
  int exit_code = 0;     // 128 + the signal where one ended it
  std::string messages;  // the last lines of what it wrote
};

// Errors: kFailed where it cannot be started or ran out of time; kInterrupted. It and its children are then killed.
Result<ChildEnd> run_child(const ChildCommand& command);

}  // namespace bp
