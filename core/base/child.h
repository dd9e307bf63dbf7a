// Runs a program without a shell and waits for it. Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bp {

inline constexpr int kReportDescriptor = 3;

struct ChildCommand {
  std::vector<std::string> arguments;  // the first is the program: a path, or a name on $PATH
  std::string folder{};                // its current one, and its $TMPDIR; empty: ours
  std::string output_file{};           // standard output goes to its end; empty: kept with standard error
  bool report = false;                 // what it writes to kReportDescriptor is kept
  int64_t timeout_ms = 1'800'000;
  std::function<void()> waiting{};  // called now and then meanwhile
  std::stop_token stop{};
};

struct ChildEnd {
  int exit_code = 0;       // 128 + the signal where one ended it
  int signal = 0;          // 0: none
  bool timed_out = false;  // it was killed, and its children
  std::string messages;    // the last 4 KiB of what it wrote
  std::string report;      // the first 64 KiB
};

// Errors: kFailed where it cannot be started; kInterrupted. Whatever it left running in its group is killed.
Result<ChildEnd> run_child(const ChildCommand& command);

// The last line that is not empty.
std::string last_line(std::string_view text);

}  // namespace bp
