#include "cli/interrupt.h"

#include <unistd.h>
#include <csignal>
#include <ctime>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "cli/output.h"

namespace bp::cli {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(50);
constexpr double kTogetherSeconds = 0.2;  // signals so close are one

volatile std::sig_atomic_t signalled = 0;
timespec first_signal{};
std::atomic<bool> stops_itself{false};

void on_signal(int) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  if (signalled == 0) {
    first_signal = now;
    signalled = 1;
    return;
  }
  const double seconds = static_cast<double>(now.tv_sec - first_signal.tv_sec) +
                         static_cast<double>(now.tv_nsec - first_signal.tv_nsec) * 1e-9;
  if (seconds > kTogetherSeconds) ::_exit(exit_code(ErrorCode::kInterrupted));
}

// Until the signal, or the wish to stop.
void wait_for_signal(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && signalled == 0) changed.wait_for(lock, stop, kLookEvery, [] { return false; });
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, not the end of the process
}

bool interrupted() {
  stops_itself = true;
  return signalled != 0;
}

std::stop_token interrupt_token() {
  stops_itself = true;
  // A signal handler must not call request_stop() itself: it takes a lock.
  static std::stop_source source;
  static const std::jthread watcher([](const std::stop_token& done) {
    wait_for_signal(done);
    source.request_stop();
  });
  return source.get_token();
}

InterruptWatch::InterruptWatch(bool as_json)
    : thread_([as_json](const std::stop_token& done) {
        wait_for_signal(done);
        if (done.stop_requested() || stops_itself) return;
        print_error({ErrorCode::kInterrupted, "backplane", "interrupted", ""}, as_json);
        ::_exit(exit_code(ErrorCode::kInterrupted));
      }) {}

}  // namespace bp::cli
