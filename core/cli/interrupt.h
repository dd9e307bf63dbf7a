// Ctrl-C and SIGTERM. A command that stops by itself looks at a flag or a token; every other one is ended. Another
// signal a moment later ends the process at once with 130; one that comes together with the first, as it does where
// both the terminal and a parent send it, counts as the first.
#pragma once

#include <stop_token>
#include <thread>

namespace bp::cli {

void install_interrupt_handler();
// From the first call of either on, the command stops by itself.
bool interrupted();
// Stopped within a tenth of a second of the signal, for work that waits on a token.
std::stop_token interrupt_token();

// While it lives, a signal ends the process within a tenth of a second, as an error of the command would, unless the
// command stops by itself.
class InterruptWatch {
 public:
  // `as_json`: of print_error().
  explicit InterruptWatch(bool as_json);

 private:
  std::jthread thread_;
};

}  // namespace bp::cli
