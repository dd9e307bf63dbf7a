#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "grade.h"
#include "report.h"

namespace bp::conformance {
namespace {

constexpr size_t kMaxFailures = 40;

std::string shortened(const std::string& text, size_t n) {
  return text.size() <= n ? text : text.substr(0, n - 3) + "...";
}

std::string time_text(double us) {
  if (us <= 0) return "";
  return us < 1000 ? fmt::format("{:.1f} us", us) : fmt::format("{:.2f} ms", us / 1000);
}

std::string rate_text(const RowSummary& row) {
  if (row.gflops > 0) return fmt::format("{:.1f} GFLOP/s", row.gflops);
  return row.gbps > 0 ? fmt::format("{:.2f} GB/s", row.gbps) : "";
}

// "f32 q8_0 q4_0", or how many where that is long.
std::string dtypes_text(const std::vector<std::string>& dtypes) {
  const std::string all = fmt::format("{}", fmt::join(dtypes, " "));
  return all.size() <= 20 ? all : fmt::format("{} dtypes", dtypes.size());
}

class Text {
 public:
  Text(const Findings& findings, bool colour) : findings_(findings), colour_(colour) {}

  std::string all() {
    head();
    rows();
    border();
    failures();
    skips();
    coverage();
    summary();
    return std::move(out_);
  }

 private:
  template <class... A>
  void line(fmt::format_string<A...> text, A&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<A>(args)...);
    out_ += '\n';
  }

  std::string verdict(bool passed) const {
    const char* word = passed ? "ok" : "FAILED";
    return colour_ ? fmt::format("\x1b[{}m{:<6}\x1b[0m", passed ? 32 : 31, word) : fmt::format("{:<6}", word);
  }

  void head() {
    const PluginFacts& p = findings_.plugin;
    line("plugin {} {} ({})", p.name, p.version, p.file);
    line("device {}: {}, {}{}{}", p.device, p.device_name, p.arch, p.driver.empty() ? "" : ", ", p.driver);
  }

  void rows() {
    const auto summaries = summarize(findings_);
    if (summaries.empty()) return line("\nno kernels: every op runs on the reference");
    line("\n{:<6} {:<34} {:<20} {:>6} {:>6} {:>6} {:>11} {:>17} {:>10}", "", "KERNEL", "WEIGHTS OR INPUTS", "PASSED",
         "FAILED", "WORST", "TIME", "RATE", "REFERENCE");
    for (const RowSummary& row : summaries) {
      if (findings_.filtered && row.n_passed + row.n_failed == 0) continue;
      const std::string speedup =
          row.us > 0 && row.reference_us > 0 ? fmt::format("{:.1f} x", row.reference_us / row.us) : "";
      line("{} {:<34} {:<20} {:>6} {:>6} {:>6.2f} {:>11} {:>17} {:>10}", verdict(row.n_failed == 0 && row.n_passed > 0),
           shortened(row.row.id, 34), dtypes_text(row.dtypes), row.n_passed, row.n_failed, row.worst, time_text(row.us),
           rate_text(row), speedup);
    }
    line(
        "WORST: the largest share of the allowed difference that was needed. TIME, RATE: of the case with the most "
        "work.");
    line("REFERENCE: how many times as long the reference takes.");
  }

  void border() {
    if (findings_.checks.empty()) return;
    std::vector<std::string> missing;
    int64_t n_passed = 0;
    for (const CheckResult& check : findings_.checks) {
      n_passed += check.outcome == Outcome::kPassed ? 1 : 0;
      if (check.outcome == Outcome::kNoKernel) missing.push_back(check.why);
    }
    line("\nmemory, queues, copies, events: {} checks passed{}", n_passed,
         missing.empty() ? "" : fmt::format("; not on this device: {}", fmt::join(missing, "; ")));
  }

  void failures() {
    std::vector<std::pair<std::string, std::string>> all;
    for (const CheckResult& check : findings_.checks) {
      if (check.outcome == Outcome::kFailed) all.emplace_back(check.name, check.why);
    }
    for (const CaseResult& result : findings_.cases) {
      if (result.outcome == Outcome::kFailed) all.emplace_back(result.name, result.why);
    }
    if (all.empty()) return;
    line("\nfailed:");
    for (size_t i = 0; i < all.size() && i < kMaxFailures; ++i) line("  {}: {}", all[i].first, all[i].second);
    if (all.size() > kMaxFailures) line("  and {} more; --report DIR writes them all", all.size() - kMaxFailures);
  }

  void skips() {
    for (const CaseResult& result : findings_.cases) {
      if (result.outcome == Outcome::kSkipped) line("skipped {}: {}", result.name, result.why);
    }
    for (const CheckResult& check : findings_.checks) {
      if (check.outcome == Outcome::kSkipped) line("skipped {}: {}", check.name, check.why);
    }
    if (findings_.plugin.attached) return;
    std::set<std::string> none;
    for (const CaseResult& result : findings_.cases) {
      if (result.outcome == Outcome::kNoKernel && !result.op.empty()) none.insert(result.op);
    }
    if (!none.empty()) line("\nwithout a kernel in some dtype or shape: {}", fmt::join(none, ", "));
  }

  void coverage() {
    if (findings_.families.empty()) return;
    line("\n{:<16} {:<8} {:>8} {:>9}  {}", "MODEL FAMILY", "WEIGHTS", "LAUNCHES", "FALL BACK",
         "OPS THAT THE REFERENCE RUNS");
    for (const FamilyResult& family : findings_.families) {
      int64_t n = 0, n_back = 0;
      std::set<std::string> ops;
      for (const FamilyOp& op : family.ops) {
        n += op.count;
        n_back += op.kernel.empty() ? op.count : 0;
        if (op.kernel.empty()) ops.insert(op.op);
      }
      line("{:<16} {:<8} {:>8} {:>9}  {}", family.name, family.weights, n, n_back,
           family.why.empty() ? fmt::format("{}", fmt::join(ops, ", ")) : family.why);
    }
  }

  void summary() {
    line("\n{} passed, {} failed, {} skipped, {} without a kernel, in {:.1f} s", findings_.count(Outcome::kPassed),
         findings_.count(Outcome::kFailed), findings_.count(Outcome::kSkipped), findings_.count(Outcome::kNoKernel),
         findings_.seconds);
    if (findings_.plugin.attached) return line("no grade: its kernels are for another plugin's device");
    if (findings_.filtered) return line("no grade: not all cases were asked for");
    const Grade grade = grade_of(findings_);
    line("{}", grade.reached < 0 ? std::string("grade: none") : fmt::format("grade: {}", grade.reached));
    if (grade.needs.empty()) return;
    line("grade {} still needs:", grade.reached + 1);
    for (const std::string& need : grade.needs) line("  - {}", need);
  }

  const Findings& findings_;
  bool colour_;
  std::string out_;
};

}  // namespace

std::string report_text(const Findings& findings, bool colour) { return Text(findings, colour).all(); }

}  // namespace bp::conformance
