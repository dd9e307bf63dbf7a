#include "base/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

extern char** environ;

namespace bp {
namespace {

constexpr size_t kMaxMessages = 4096;
constexpr size_t kMaxReport = 64 << 10;
constexpr int kPollMs = 50;
constexpr int kMaxReads = 1024;  // of what it left behind: something it started may go on writing

using Clock = std::chrono::steady_clock;

// What a spawn is told; freed with it.
struct SpawnSetup {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // A group of its own, so that it can be ended with its children; and no signal that we block or ignore is its.
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

std::vector<std::string> environment_with(const std::string& folder) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (folder.empty() || !std::string_view(*variable).starts_with("TMPDIR=")) variables.emplace_back(*variable);
  }
  if (!folder.empty()) variables.push_back("TMPDIR=" + folder);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// A relative path is meant from here, not from the child's folder.
std::string program_of(const std::string& name) {
  std::error_code error;
  return name.find('/') == std::string::npos ? name : std::filesystem::absolute(name, error).string();
}

// A pipe whose ends close with the object.
struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
      read = ends[0];
      write = ends[1];
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(read);
    close(write);
  }
  static void close(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

// The child's process id, or an errno below zero.
pid_t spawn(const ChildCommand& command, int messages_fd, int report_fd) {
  SpawnSetup setup;
  ::posix_spawn_file_actions_addopen(&setup.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&setup.actions, messages_fd, STDERR_FILENO);
  if (command.output_file.empty()) {
    ::posix_spawn_file_actions_adddup2(&setup.actions, messages_fd, STDOUT_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&setup.actions, STDOUT_FILENO, command.output_file.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND, 0644);
  }
  if (report_fd >= 0) ::posix_spawn_file_actions_adddup2(&setup.actions, report_fd, kReportDescriptor);
  if (!command.folder.empty()) ::posix_spawn_file_actions_addchdir_np(&setup.actions, command.folder.c_str());
  std::vector<std::string> arguments = command.arguments;
  arguments.front() = program_of(arguments.front());
  std::vector<std::string> variables = environment_with(command.folder);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments.front().c_str(), &setup.actions, &setup.attributes,
                                   pointers(arguments).data(), pointers(variables).data());
  return error == 0 ? pid : -error;
}

// Reads what is there now; closes our end once the other side is closed.
void read_some(int& fd, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n > 0) text.append(buffer.data(), static_cast<size_t>(n));
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) Pipe::close(fd);
}

class Listener {
 public:
  Listener(int& messages_fd, int& report_fd, ChildEnd& end)
      : messages_fd_(messages_fd), report_fd_(report_fd), end_(end) {}

  // Waits at most so long for something to read. False where nothing came.
  bool listen(int timeout_ms) {
    std::array<pollfd, 2> ready{pollfd{messages_fd_, POLLIN, 0}, pollfd{report_fd_, POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), timeout_ms) <= 0) return false;
    if (ready[0].revents != 0) read_some(messages_fd_, end_.messages);
    if (ready[1].revents != 0) read_some(report_fd_, end_.report);
    if (end_.messages.size() > kMaxMessages) end_.messages.erase(0, end_.messages.size() - kMaxMessages);
    if (end_.report.size() > kMaxReport) end_.report.resize(kMaxReport);
    return true;
  }

  // Reads what is there.
  void drain() {
    for (int i = 0; i < kMaxReads && open() && listen(0); ++i) {
    }
  }

  bool open() const { return messages_fd_ >= 0 || report_fd_ >= 0; }

 private:
  int& messages_fd_;
  int& report_fd_;
  ChildEnd& end_;
};

void set_status(int status, ChildEnd& end) {
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.exit_code = end.signal != 0 ? 128 + end.signal : WEXITSTATUS(status);
}

// Waits for the child's end, reading what it says. False where it must be killed.
bool wait_for(pid_t pid, const ChildCommand& command, Listener& listener, ChildEnd& end) {
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(command.timeout_ms);
  // The pipes close with it, mostly: that wakes us. What it has started may hold them open longer.
  while (!command.stop.stop_requested() && Clock::now() < deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    listener.listen(listener.open() ? static_cast<int>(std::min<int64_t>(left + 1, kPollMs)) : 1);
    if (command.waiting) command.waiting();
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    // A program that ignores SIGCHLD has its children reaped by the kernel: what they left will be checked.
    if (ended < 0 && errno == ECHILD && !listener.open()) return true;
    if (ended != pid) continue;
    set_status(status, end);
    listener.drain();
    return true;
  }
  return false;
}

}  // namespace

Result<ChildEnd> run_child(const ChildCommand& command) {
  const std::string& name = command.arguments.front();
  Pipe messages;
  std::optional<Pipe> report;
  if (command.report) report.emplace();
  int no_report = -1;
  const auto cannot_start = [&](int error) {
    return fail(ErrorCode::kFailed, name, fmt::format("cannot be started ({})", std::strerror(error)), "install it");
  };
  if (messages.read < 0 || (report && report->read < 0)) return cannot_start(errno);
  const pid_t pid = spawn(command, messages.write, report ? report->write : -1);
  if (pid < 0) return cannot_start(-pid);
  Pipe::close(messages.write);
  if (report) Pipe::close(report->write);
  ChildEnd end;
  Listener listener(messages.read, report ? report->read : no_report, end);
  const bool ended = wait_for(pid, command, listener, end);
  ::kill(-pid, SIGKILL);
  if (ended) return end;
  ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (command.stop.stop_requested()) return fail(ErrorCode::kInterrupted, name, "interrupted");
  listener.drain();
  set_status(status, end);
  end.timed_out = true;
  return end;
}

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  const size_t newline = text.rfind('\n');
  return std::string(newline == std::string_view::npos ? text : text.substr(newline + 1));
}

}  // namespace bp
