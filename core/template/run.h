// The account of one rendering: steps, bytes alive, and the first error. An error is sticky: whoever sees failed()
// returns, and what was computed meanwhile is thrown away.
// Not thread-safe: one per rendering. It outlives every Value made with it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "template/chat.h"

namespace bp::jinja {

class Run {
 public:
  explicit Run(const TemplateLimits& limits) : limits_(limits) {}

  bool failed() const { return failed_; }
  const std::string& error() const { return error_; }
  int error_line() const { return error_line_; }
  const TemplateLimits& limits() const { return limits_; }

  // The first call counts. `what` reads as jinja2's exceptions do.
  void fail(std::string what) {
    if (failed_) return;
    failed_ = true;
    error_ = std::move(what);
    error_line_ = line_;
  }
  void at_line(int line) { line_ = line; }

  // Takes `n` steps; false where the rendering has failed.
  bool step(uint64_t n = 1) {
    steps_ += n;
    if (steps_ > limits_.max_steps) fail("the limit of steps is reached");
    return !failed_;
  }

  // Whether something of `bytes` may be made now; a copy costs a step per kilobyte.
  bool may_make(uint64_t bytes) { return fits(bytes) && step(bytes >> 10); }
  // Whether a text under construction may have grown to `bytes`.
  bool fits(size_t bytes) {
    if (bytes > limits_.max_output_bytes || live_ + bytes > kLiveFactor * limits_.max_output_bytes) {
      fail("the limit of output is reached");
    }
    return !failed_;
  }
  void charge(size_t bytes) { live_ += bytes; }
  void refund(size_t bytes) { live_ -= bytes; }

 private:
  static constexpr size_t kLiveFactor = 4;

  TemplateLimits limits_;
  uint64_t steps_ = 0;
  size_t live_ = 0;
  int line_ = 0;
  bool failed_ = false;
  int error_line_ = 0;
  std::string error_;
};

}  // namespace bp::jinja
