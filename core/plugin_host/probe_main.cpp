// The helper libexec/backplane/probe FILE load|open [OP…]: loads one plugin as the host would, and reports each step on
// descriptor 3 (probe.cpp reads it). It is there to be crashed. Run by hand, it reports on standard output.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/child.h"
#include "base/json.h"
#include "plugin_host/registry.h"

#if defined(__SANITIZE_ADDRESS__)
// Signals are for the one who waits for us, and leaks are the plugin's affair.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0";
}
#endif

namespace {

constexpr rlim_t kMaxDescriptors = 1024;
constexpr int kMaxLeft = 256;  // a vendor's runtime keeps some dozens
constexpr rlim_t kMaxCpuSeconds = 600;

int report_fd = STDOUT_FILENO;
pid_t own_pid = 0;

void report(const std::string& line) {
  const std::string text = line + "\n";
  (void)!::write(report_fd, text.data(), text.size());
}

// A constructor or an entry that forked comes here twice.
void at(std::string_view step) {
  if (::getpid() != own_pid) {
    report("forked");
    ::_exit(0);
  }
  report(fmt::format("at {}", step));
}

void limit(__rlimit_resource_t what, rlim_t value) {
  rlimit limits{};
  if (::getrlimit(what, &limits) != 0) return;
  limits.rlim_cur = std::min(limits.rlim_max, value);
  ::setrlimit(what, &limits);
}

void set_limits() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, kMaxDescriptors);
  limit(RLIMIT_CPU, kMaxCpuSeconds);
  // One that eats all memory is ended before its host is.
  if (const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
    (void)!::write(fd, "1000", 4);
    ::close(fd);
  }
}

int count_descriptors() {
  std::error_code error;
  int n = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error))
    ++n;
  return n;
}

// A second process that a plugin has made of us must come to say so before we leave.
void wait_for_children() {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    const pid_t child = ::waitpid(-1, nullptr, WNOHANG);
    if (child < 0) return;
    if (child == 0) ::usleep(2000);
  }
}

bp::Status use(bp::PluginRegistry& registry, const std::string& id) {
  BP_TRY(const auto device, registry.open(id));
  BP_TRY(bp::Queue queue, device->create_queue());
  BP_TRY(const bp::Memory memory, device->alloc(4096, "probe"));
  std::vector<char> sent(4096), received(4096);
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7 + i / 256);
  const bp_span there = memory.span(0, sent.size());
  const bp_span from{nullptr, sent.data(), 0, sent.size()};
  const bp_span to{nullptr, received.data(), 0, received.size()};
  BP_TRY_VOID(queue.copy({&there, 1}, {&from, 1}));
  BP_TRY_VOID(queue.copy({&to, 1}, {&there, 1}));
  BP_TRY_VOID(queue.sync());
  if (sent != received) return bp::fail(bp::ErrorCode::kDevice, id, "bytes copied to it and back are others");
  at("close of " + id);
  return {};
}

bp::PluginVerdict verdict_of(const std::string& file, bool open, std::vector<std::string> ops) {
  bp::HostCallbacks callbacks;
  callbacks.ops = std::move(ops);
  callbacks.on_step = at;
  const bp::PluginSearch search{.paths = {file},
                                .use_environment = false,
                                .use_default_dirs = false,
                                .probe = bp::ProbeMode::kOff,
                                .stage = false};
  const auto registry = bp::PluginRegistry::discover(search, std::move(callbacks));
  bp::PluginVerdict verdict = registry->verdicts().front();
  for (const bp::DeviceInfo& device : registry->devices()) {
    if (!open || device.score == 0) continue;
    at("open of " + device.id);
    if (const auto used = use(*registry, device.id); !used) {
      verdict.verdict = bp::Verdict::kSelftest;
      verdict.reason = used.error().message();
      verdict.fix = "check driver and hardware";
      break;
    }
  }
  at("shutdown");
  return verdict;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: probe FILE load|open [OP...]: started by backplane to try a plugin\n");
    return 2;
  }
  if (::fcntl(bp::kReportDescriptor, F_GETFD) >= 0) report_fd = bp::kReportDescriptor;
  own_pid = ::getpid();
  ::close_range(bp::kReportDescriptor + 1, ~0u, 0);
  at("start");
  set_limits();
  const int n_before = count_descriptors();
  bp::PluginVerdict verdict = verdict_of(argv[1], std::string_view(argv[2]) == "open", {argv + 3, argv + argc});
  const int n_left = count_descriptors() - n_before;
  if (verdict.verdict == bp::Verdict::kOk && n_left > kMaxLeft) {
    verdict.verdict = bp::Verdict::kProbeExit;
    verdict.reason = fmt::format("left {} descriptors open after shutdown", n_left);
    verdict.fix = "report this to the plugin's author";
  }
  report("verdict " +
         bp::write_json(bp::json::object{
             {"verdict", bp::verdict_name(verdict.verdict)}, {"reason", verdict.reason}, {"fix", verdict.fix}}));
  at("the end of the process");
  wait_for_children();
  report("end");
  return 0;
}
