#include "suite.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <regex>
#include <set>

#include "row_cases.h"
#include "suite_child.h"

namespace bp::conformance {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kMaxCrashes = 25;

class Suite {
 public:
  Suite(const SuiteOptions& options, const std::function<void(const SuiteProgress&)>& progress,
        const std::atomic<bool>* stop)
      : options_(options), progress_(progress), stop_(stop) {}

  Result<Findings> run() {
    const auto start = Clock::now();
    for (int crashes = 0; !done_; ++crashes) {
      if (crashes > kMaxCrashes) {
        not_run("too many before it ended the process");
        break;
      }
      BP_TRY_VOID(run_once());
    }
    BP_TRY_VOID(check_skips());
    findings_.filtered = !options_.only.empty() || !options_.op.empty();
    if (!findings_.filtered) add_unreached_rows();
    findings_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return std::move(findings_);
  }

 private:
  // One child, from next_ on, until it is done or gone.
  Status run_once() {
    int ends[2];
    if (::pipe(ends) != 0) return fail(ErrorCode::kFailed, "pipe", std::strerror(errno));
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return fail(ErrorCode::kFailed, "fork", std::strerror(errno));
    if (child == 0) {
      ::close(ends[0]);
      const rlimit no_core{0, 0};
      ::setrlimit(RLIMIT_CORE, &no_core);
      ::signal(SIGPIPE, SIG_IGN);
      ::signal(SIGINT, SIG_IGN);  // the parent ends it
      ::dup2(STDERR_FILENO, STDOUT_FILENO);
      run_child(options_, next_, ends[1]);
      std::fflush(nullptr);
      ::_exit(0);
    }
    ::close(ends[1]);
    const Status heard = listen(ends[0], child);
    ::close(ends[0]);
    if (!heard.has_value() || done_ || timed_out_) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    BP_TRY_VOID(heard);
    if (refused_.has_value() && plan_.empty()) return std::unexpected(*refused_);
    if (refused_.has_value()) {
      not_run(fmt::format("the device cannot be opened again ({})", refused_->message()));
    } else if (!done_) {
      lost(status);
      if (refused_.has_value()) return std::unexpected(*refused_);
    }
    return {};
  }

  // Until the child is done, closes its end, or takes too long.
  Status listen(int fd, pid_t child) {
    std::string buffer;
    char chunk[1 << 16];
    begun_.reset();
    timed_out_ = false;
    last_ = Clock::now();
    for (;;) {
      if (stop_ != nullptr && stop_->load()) return fail(ErrorCode::kInterrupted, "conformance", "interrupted");
      pollfd waiting{fd, POLLIN, 0};
      const int ready = ::poll(&waiting, 1, 200);
      if (ready < 0 && errno != EINTR) return fail(ErrorCode::kFailed, "poll", std::strerror(errno));
      if (ready <= 0) {
        if (Clock::now() - last_ < std::chrono::seconds(options_.timeout_s)) continue;
        timed_out_ = true;
        ::kill(child, SIGKILL);
        return {};
      }
      const ssize_t n = ::read(fd, chunk, sizeof(chunk));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return {};
      buffer.append(chunk, static_cast<size_t>(n));
      for (size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n')) {
        BP_TRY_VOID(hear(buffer.substr(0, end)));
        buffer.erase(0, end + 1);
      }
      if (done_ || refused_.has_value()) return {};
    }
  }

  Status hear(const std::string& text) {
    last_ = Clock::now();
    BP_TRY(const json::value value, parse_json(text, "the process that runs the cases"));
    const json::object& line = value.as_object();
    if (const json::value* error = line.if_contains("refused")) {
      const json::object& fields = error->as_object();
      refused_ =
          Error{static_cast<ErrorCode>(fields.at("code").to_number<int>()), std::string(fields.at("where").as_string()),
                std::string(fields.at("what").as_string()), std::string(fields.at("fix").as_string())};
      return {};
    }
    if (const json::value* plugin = line.if_contains("plugin")) {
      findings_.plugin = plugin_from_json(plugin->as_object());
      return {};
    }
    if (const json::value* plan = line.if_contains("plan")) {
      plan_.clear();
      for (const json::value& name : plan->as_array()) plan_.emplace_back(name.as_string());
      if (plan_.empty()) return fail(ErrorCode::kUsage, "conformance", "no case is asked for", "see --only and --op");
      return {};
    }
    if (line.contains("done")) {
      done_ = true;
      return {};
    }
    if (const json::value* index = line.if_contains("begin")) {
      next_ = index->to_number<size_t>();
      begun_ = line;
      if (progress_) progress_({next_, plan_.size(), plan_[next_]});
      return {};
    }
    add(line);
    begun_.reset();
    ++next_;
    return {};
  }

  void add(const json::object& line) {
    if (const json::value* check = line.if_contains("check"))
      findings_.checks.push_back(check_from_json(check->as_object()));
    if (const json::value* family = line.if_contains("family"))
      findings_.families.push_back(family_from_json(family->as_object()));
    if (const json::value* result = line.if_contains("case"))
      findings_.cases.push_back(case_from_json(result->as_object()));
  }

  // The child is gone before it was done.
  void lost(int status) {
    std::string how = "ended the process";
    if (timed_out_) {
      how = fmt::format("did not end within {} s", options_.timeout_s);
    } else if (WIFSIGNALED(status)) {
      how = fmt::format("ended the process: signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WIFEXITED(status)) {
      how = fmt::format("ended the process with exit code {}", WEXITSTATUS(status));
    }
    if (!begun_.has_value() && plan_.empty()) {
      refused_ = Error{ErrorCode::kRefused, options_.subject.file, "opening its device " + how, "run it in a debugger"};
      return;
    }
    add_failure(how);
    if (begun_.has_value()) ++next_;
    if (next_ >= plan_.size()) done_ = true;  // it ended after the last
  }

  void add_failure(const std::string& why) {
    json::object line = begun_.has_value() ? *begun_ : json::object{};
    for (const char* kind : {"check", "family", "case"}) {
      if (json::value* result = line.if_contains(kind)) result->as_object()["why"] = why;
    }
    add(line);
  }

  // What is left of the plan.
  void not_run(const std::string& why) {
    for (; next_ < plan_.size(); ++next_) {
      CaseResult none;
      none.name = plan_[next_];
      none.why = "not run: " + why;
      findings_.cases.push_back(none);
    }
    done_ = true;
  }

  Status check_skips() const {
    if (!options_.only.empty() || !options_.op.empty()) return {};
    for (const auto& [name, why] : options_.skips) {
      const bool row = name.starts_with(kRowPrefix);
      if (row || std::ranges::find(plan_, name) != plan_.end()) continue;
      return fail(ErrorCode::kUsage, "skips.toml", fmt::format("{} is no case", name),
                  "correct the name: conform.json lists them");
    }
    return {};
  }

  // A row that no case comes to has not been checked.
  void add_unreached_rows() {
    std::set<std::string> reached;
    for (const CaseResult& result : findings_.cases) {
      for (const RowResult& row : result.rows) reached.insert(row.row);
    }
    const bool some_failed = std::ranges::any_of(
        findings_.cases, [](const CaseResult& result) { return result.outcome == Outcome::kFailed; });
    for (const RowFacts& row : findings_.plugin.rows) {
      if (reached.contains(row.id)) continue;
      CaseResult none;
      none.name = kRowPrefix + row.id;
      none.op = row.pattern;
      const auto skip = options_.skips.find(none.name);
      if (skip != options_.skips.end()) {
        none.outcome = Outcome::kSkipped;
        none.why = skip->second;
      } else {
        none.why = !row.rejected.empty() ? "the host leaves it out: " + row.rejected
                                         : "no case comes to it: its `where` or its query() refuses them all";
        if (some_failed && row.rejected.empty()) none.why += ", or the one that would has failed";
      }
      findings_.cases.push_back(none);
    }
  }

  const SuiteOptions& options_;
  const std::function<void(const SuiteProgress&)>& progress_;
  const std::atomic<bool>* stop_;
  Findings findings_;
  std::vector<std::string> plan_;
  size_t next_ = 0;
  std::optional<json::object> begun_;
  std::optional<Error> refused_;
  Clock::time_point last_;
  bool timed_out_ = false, done_ = false;
};

}  // namespace

Result<Findings> run_suite(const SuiteOptions& options, const std::function<void(const SuiteProgress&)>& progress,
                           const std::atomic<bool>* stop) {
  if (!options.only.empty()) {
    try {
      const std::regex checked(options.only);
    } catch (const std::regex_error& error) {
      return fail(ErrorCode::kUsage, "--only",
                  fmt::format("{} is no regular expression ({})", options.only, error.what()),
                  "quote what is special with \\");
    }
  }
  return Suite(options, progress, stop).run();
}

}  // namespace bp::conformance
