#include "plugin_host/probe.h"

#include <backplane/plugin.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/child.h"
#include "base/json.h"
#include "base/log.h"
#include "plugin_host/contained_text.h"
#include "plugin_host/trust.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

constexpr char kHelper[] = "libexec/backplane/probe";
constexpr size_t kMaxWordsBytes = 200;
constexpr size_t kMaxReportBytes = 64 << 10;
constexpr char kFix[] = "report this to the plugin's author; `backplane plugins verify FILE` probes it again";

// The helper's report, a line each: "at STEP" as it comes to it, "forked" from a second process that it finds itself to
// be, "verdict {…}", and "end" when all that is left is to leave.
struct Report {
  std::string step;
  bool forked = false, ended = false;
  std::optional<json::object> verdict;
};

Report parse_report(std::string_view text) {
  Report report;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("at ")) {
      report.step = printable(std::string(line.substr(3)).c_str(), 64);
    } else if (line == "forked") {
      report.forked = true;
    } else if (line == "end") {
      report.ended = true;
    } else if (line.starts_with("verdict ")) {
      const auto parsed = parse_json(line.substr(8), "probe", {kMaxReportBytes, 2});
      if (parsed && parsed->is_object()) report.verdict = parsed->get_object();
    }
  }
  return report;
}

std::string text_of(const json::object& verdict, std::string_view key) {
  const json::value* found = verdict.if_contains(key);
  if (found == nullptr || !found->is_string()) return {};
  return printable(std::string(found->get_string()).c_str(), 4096);
}

std::optional<Refusal> refusal_of(const json::object& verdict) {
  const std::string name = text_of(verdict, "verdict");
  for (int i = 0; i <= static_cast<int>(Verdict::kSelftest); ++i) {
    const Verdict candidate = static_cast<Verdict>(i);
    if (name != verdict_name(candidate)) continue;
    if (candidate == Verdict::kOk) return std::nullopt;
    return Refusal{candidate, text_of(verdict, "reason"), text_of(verdict, "fix")};
  }
  return Refusal{Verdict::kProbeExit, fmt::format("its probe gave a verdict \"{}\" that is none", name), kFix};
}

std::string signal_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  const char* words = ::sigdescr_np(signal);
  return fmt::format("SIG{} ({})", name == nullptr ? std::to_string(signal) : name, words == nullptr ? "?" : words);
}

Refusal crashed(Verdict verdict, std::string what, const Report& report, const ChildEnd& end) {
  const std::string words = printable(last_line(end.messages).c_str(), kMaxWordsBytes);
  std::string reason = fmt::format("{} in {}", what, report.step.empty() ? "its start" : report.step);
  if (!words.empty()) reason += fmt::format("; its last words: {}", words);
  return Refusal{verdict, std::move(reason), kFix};
}

// What "../../.." of PREFIX/lib/backplane/plugins and PREFIX/lib/x86_64-linux-gnu/backplane/plugins have in common.
void add_prefixes(const std::string& folder, std::vector<std::string>& prefixes) {
  const fs::path path(folder);
  if (path.filename() != "plugins" || path.parent_path().filename() != "backplane") return;
  const fs::path lib = path.parent_path().parent_path();
  prefixes.push_back(lib.parent_path().string());
  prefixes.push_back(lib.parent_path().parent_path().string());
}

bool is_usable(const std::string& path) {
  const auto file = RegularFile::open(path);
  if (!file || ::access(path.c_str(), X_OK) != 0) return false;
  const auto trusted = check_trust(path, *file);
  if (!trusted) log::warn("plugins: probe helper {}: {}; {}", path, trusted.error().reason, trusted.error().fix);
  return trusted.has_value();
}

}  // namespace

Result<std::optional<Refusal>> probe(const ProbeCommand& command) {
  ChildCommand child{.arguments = {command.helper, command.file, command.open ? "open" : "load"},
                     .report = true,
                     .timeout_ms = command.timeout_ms};
  child.arguments.insert(child.arguments.end(), command.ops.begin(), command.ops.end());
  BP_TRY(const ChildEnd end, run_child(child));
  const Report report = parse_report(end.report);
  if (end.timed_out) {
    return crashed(Verdict::kProbeTimeout, fmt::format("not done after {} ms", command.timeout_ms), report, end);
  }
  if (end.report.empty()) {
    return fail(ErrorCode::kFailed, command.helper,
                fmt::format("does not start ({})",
                            end.signal != 0 ? signal_text(end.signal) : fmt::format("exit code {}", end.exit_code)),
                "install it again");
  }
  if (end.signal != 0) {
    return crashed(Verdict::kProbeSignal, fmt::format("ended by {}", signal_text(end.signal)), report, end);
  }
  if (report.forked) {
    return Refusal{Verdict::kProbeExit, "it forked: a second process of its host ran on with the host's work", kFix};
  }
  if (!report.ended || !report.verdict) {
    return crashed(Verdict::kProbeExit, fmt::format("ended the process with exit code {}", end.exit_code), report, end);
  }
  if (end.exit_code != 0) {
    return crashed(Verdict::kProbeExit, fmt::format("changed the exit code to {}", end.exit_code), report, end);
  }
  return refusal_of(*report.verdict);
}

std::string find_probe_helper(std::span<const std::string> plugin_folders) {
  if (const char* named = ::secure_getenv("BACKPLANE_PROBE"); named != nullptr && named[0] == '/') {
    return is_usable(named) ? named : std::string();
  }
  std::vector<std::string> prefixes;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) prefixes.push_back(program.parent_path().parent_path().string());
  for (const std::string& folder : plugin_folders) add_prefixes(folder, prefixes);
  prefixes.emplace_back("/usr");
  for (const std::string& prefix : prefixes) {
    for (const std::string& path : {prefix + "/" + kHelper, prefix + "/" + BP_PROBE_PATH}) {
      if (fs::exists(path, error) && is_usable(path)) return path;
    }
  }
  return {};
}

std::string probe_stamp(const std::string& helper) {
  auto file = RegularFile::open(helper);
  if (!file) return {};
  const FileIdentity id = identity_of(file->info());
  return fmt::format("{}.{}/{}/{}", BP_ABI_MAJOR, BP_ABI_MINOR, id.size_bytes, id.modified_ns);
}

}  // namespace bp
