#include "report.h"

#include <filesystem>

#include "base/output_file.h"
#include "grade.h"

namespace bp::conformance {
namespace {

Status write(const std::string& path, const std::string& text) {
  BP_TRY(OutputFile file, OutputFile::create(path));
  BP_TRY_VOID(file.write(0, std::as_bytes(std::span(text))));
  return file.commit();
}

}  // namespace

json::object report_json(const Findings& findings) {
  json::array checks, families, cases;
  for (const CheckResult& check : findings.checks) checks.push_back(to_json(check));
  for (const FamilyResult& family : findings.families) families.push_back(to_json(family));
  for (const CaseResult& result : findings.cases) cases.push_back(to_json(result));
  json::object counts;
  for (const Outcome outcome : {Outcome::kPassed, Outcome::kFailed, Outcome::kNoKernel, Outcome::kSkipped}) {
    counts[outcome == Outcome::kNoKernel ? "no_kernel" : outcome_name(outcome)] = findings.count(outcome);
  }
  json::object report = {{"plugin", to_json(findings.plugin)}};
  report["grade"] = nullptr;
  report["next"] = json::array{};
  if (findings.graded()) {
    const Grade grade = grade_of(findings);
    if (grade.reached >= 0) report["grade"] = grade.reached;
    for (const std::string& need : grade.needs) report["next"].as_array().emplace_back(need);
  }
  report["counts"] = counts;
  report["seconds"] = findings.seconds;
  report["checks"] = checks;
  report["families"] = families;
  report["cases"] = cases;
  return report;
}

Status write_report(const Findings& findings, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(ErrorCode::kUsage, folder, "cannot be made (" + error.message() + ")", "name another folder");
  JsonStyle style;
  style.indent = 1;
  style.item_separator = ",";
  BP_TRY_VOID(write(folder + "/conform.json", write_json(report_json(findings), style) + "\n"));
  return write(folder + "/conform.html", report_html(findings));
}

}  // namespace bp::conformance
