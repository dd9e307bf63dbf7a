// backplane-conform PLUGIN.so: is the port correct, what does it cover, how fast is it beside the reference.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "base/log.h"
#include "base/progress.h"
#include "report.h"
#include "suite.h"

namespace {

using namespace bp;
using namespace bp::conformance;

std::atomic<bool> g_stop{false};

void stop(int) { g_stop.store(true); }

struct Flags {
  SuiteOptions suite;
  std::string report, skips;
  std::vector<std::string> options;
  bool json = false, no_progress = false;
};

int refuse(const Error& error, bool as_json) {
  fmt::print(stderr, "backplane-conform: {}\n", error.message());
  if (as_json) {
    const json::object fields = {
        {"code", error_code_name(error.code)}, {"where", error.where}, {"what", error.what}, {"fix", error.fix}};
    fmt::print("{}\n", write_json(json::object{{"error", fields}}));
  }
  return exit_code(error.code);
}

Result<Findings> run(Flags& flags) {
  for (const std::string& option : flags.options) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos)
      return fail(ErrorCode::kUsage, "--set", option + " is no KEY=VALUE", "write threads=2");
    flags.suite.subject.options[option.substr(0, equals)] = option.substr(equals + 1);
  }
  const std::string& file = flags.suite.subject.file;
  auto image = ElfImage::open(file);
  if (const auto manifest = image ? read_manifest(*image) : Checked<Manifest>(std::unexpected(image.error()))) {
    const std::string path = (std::filesystem::path(file).parent_path() / "skips.toml").string();
    BP_TRY(flags.suite.skips, read_skips(flags.skips.empty() ? path : flags.skips, manifest->name));
  }
  ProgressStyle style = progress_style(flags.no_progress);
  style.counted = "cases";
  std::optional<Progress> bar;
  const auto progress = [&](const SuiteProgress& now) {
    if (!bar.has_value()) bar.emplace(style, "conformance", now.total);
    bar->update(now.done);
  };
  auto findings = run_suite(flags.suite, progress, &g_stop);
  if (findings.has_value() && bar.has_value()) bar->finish();
  return findings;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Checks a plugin's device and kernels against the reference, and grades the port.", "backplane-conform");
  app.footer(
      "Example:\n  backplane-conform build/opencl.so --report report\n\nExit codes: 0 all passed, 1 something failed, "
      "2 wrong usage, 3 the file was refused, 4 no device.");
  app.set_version_flag("--version", BACKPLANE_VERSION);
  Flags flags;
  app.add_option("PLUGIN", flags.suite.subject.file, "The plugin's shared library")->required();
  app.add_option("--device", flags.suite.subject.device, "Which of its devices, from 0")->check(CLI::NonNegativeNumber);
  app.add_option("--only", flags.suite.only, "A regular expression: only cases and checks whose name it is found in");
  app.add_option("--op", flags.suite.op, "Only cases with this op: matmul, attention, …");
  app.add_option("--report", flags.report, "Writes conform.json and conform.html into this folder");
  app.add_option("--set", flags.options, "An option of the plugin, KEY=VALUE (repeatable)");
  app.add_option("--skips", flags.skips, "The file of skips, instead of skips.toml beside the plugin");
  app.add_option("--timeout", flags.suite.timeout_s, "Seconds that one case may take")->check(CLI::PositiveNumber);
  app.add_flag("--no-times", [&](int64_t) { flags.suite.timed = false; }, "Measures no times");
  app.add_flag("--json", flags.json, "The report as one JSON document on standard output");
  app.add_flag("--no-progress", flags.no_progress, "No progress on standard error");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return refuse({ErrorCode::kUsage, "command line", error.what(), "see backplane-conform --help"}, false);
  }
  struct sigaction action{};
  action.sa_handler = stop;
  ::sigaction(SIGINT, &action, nullptr);
  log::set_level(log::Level::kError);
  const auto findings = run(flags);
  if (!findings.has_value()) return refuse(findings.error(), flags.json);
  if (!flags.report.empty()) {
    if (const Status written = write_report(*findings, flags.report); !written.has_value())
      return refuse(written.error(), flags.json);
    fmt::print(stderr, "{0}/conform.html and {0}/conform.json written\n", flags.report);
  }
  const char* no_color = std::getenv("NO_COLOR");
  const bool colour = ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || no_color[0] == '\0');
  const std::string text = flags.json ? write_json(report_json(*findings)) + "\n" : report_text(*findings, colour);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return refuse({ErrorCode::kFailed, "standard output", "cannot be written", ""}, false);
  }
  return findings->count(Outcome::kFailed) == 0 ? 0 : 1;
}
