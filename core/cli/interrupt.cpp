#include "cli/interrupt.h"

#include <unistd.h>
#include <csignal>

#include <chrono>
#include <thread>

namespace bp::cli {
namespace {

volatile std::sig_atomic_t signalled = 0;

void on_signal(int) {
  if (signalled != 0) ::_exit(130);
  signalled = 1;
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, not the end of the process
}

bool interrupted() { return signalled != 0; }

std::stop_token interrupt_token() {
  // A signal handler must not call request_stop() itself: it takes a lock.
  static std::stop_source source;
  static const std::jthread watcher([](const std::stop_token& done) {
    while (!done.stop_requested() && !interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source.request_stop();
  });
  return source.get_token();
}

}  // namespace bp::cli
