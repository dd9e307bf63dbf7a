#include "config/problem.h"

#include <fmt/format.h>

#include "base/check.h"

namespace bp {
namespace {

Error as_error(const ConfigProblem& problem) {
  std::string what = problem.key;
  if (!what.empty() && !problem.what.empty()) what += ' ';
  return {ErrorCode::kConfig, problem.where(), what + problem.what, problem.fix};
}

}  // namespace

std::string ConfigProblem::where() const { return line == 0 ? file : fmt::format("{}:{}:{}", file, line, column); }

std::string ConfigProblem::text() const { return as_error(*this).message(); }

Error config_error(std::span<const ConfigProblem> problems) {
  BP_CHECK(!problems.empty());
  Error error = as_error(problems.front());
  for (const ConfigProblem& problem : problems.subspan(1)) {
    error.fix += (error.fix.empty() ? "also " : "; also ") + problem.text();
  }
  return error;
}

}  // namespace bp
