#include "zoo/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

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
constexpr int kPollMs = 50;

using Clock = std::chrono::steady_clock;

// What a spawn is told; freed with it.
struct SpawnSetup {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // A group of its own, so that it can be ended with its children.
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
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
    if (!std::string_view(*variable).starts_with("TMPDIR=")) variables.emplace_back(*variable);
  }
  variables.push_back("TMPDIR=" + folder);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// A relative path is meant from here, not from the child's folder.
std::string program_of(const std::string& name) {
  std::error_code error;
  return name.find('/') == std::string::npos ? name : std::filesystem::absolute(name, error).string();
}

// The child's process id, or an errno below zero.
pid_t spawn(const ChildCommand& command, int messages_fd) {
  SpawnSetup setup;
  ::posix_spawn_file_actions_addopen(&setup.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&setup.actions, messages_fd, STDERR_FILENO);
  if (command.output_file.empty()) {
    ::posix_spawn_file_actions_adddup2(&setup.actions, messages_fd, STDOUT_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&setup.actions, STDOUT_FILENO, command.output_file.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND, 0644);
  }
  ::posix_spawn_file_actions_addchdir_np(&setup.actions, command.folder.c_str());
  std::vector<std::string> arguments = command.arguments;
  arguments.front() = program_of(arguments.front());
  std::vector<std::string> variables = environment_with(command.folder);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments.front().c_str(), &setup.actions, &setup.attributes,
                                   pointers(arguments).data(), pointers(variables).data());
  return error == 0 ? pid : -error;
}

// Reads what is there, keeping the end. False once the other side is closed.
bool read_some(int fd, std::string& messages) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  messages.append(buffer.data(), static_cast<size_t>(n));
  if (messages.size() > kMaxMessages) messages.erase(0, messages.size() - kMaxMessages);
  return n > 0;
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// Waits for the child's end, reading what it says. Nothing where it must be killed.
std::optional<int> wait_for(pid_t pid, const ChildCommand& command, int fd, std::string& messages) {
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(command.timeout_ms);
  bool open = true;
  while (!command.stop.stop_requested() && Clock::now() < deadline) {
    pollfd ready{.fd = open ? fd : -1, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPollMs) > 0 && open) open = read_some(fd, messages);
    if (command.waiting) command.waiting();
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    // A program that ignores SIGCHLD has its children reaped by the kernel: what they left will be checked.
    if (ended < 0 && errno == ECHILD && !open) return 0;
    if (ended != pid) continue;
    while (open && ::poll(&ready, 1, 0) > 0) open = read_some(fd, messages);
    return exit_code_of(status);
  }
  return std::nullopt;
}

void kill_group(pid_t pid) {
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<ChildEnd> run_child(const ChildCommand& command) {
  const std::string& name = command.arguments.front();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kFailed, name, fmt::format("cannot be started ({})", std::strerror(errno)));
  }
  const pid_t pid = spawn(command, ends[1]);
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return fail(ErrorCode::kFailed, name, fmt::format("cannot be started ({})", std::strerror(-pid)), "install it");
  }
  ChildEnd end;
  const std::optional<int> code = wait_for(pid, command, ends[0], end.messages);
  ::close(ends[0]);
  if (!code) {
    kill_group(pid);
    if (command.stop.stop_requested()) return fail(ErrorCode::kInterrupted, name, "interrupted");
    return fail(ErrorCode::kFailed, name, fmt::format("took more than {} s", command.timeout_ms / 1000),
                "check the network");
  }
  end.exit_code = *code;
  return end;
}

}  // namespace bp
