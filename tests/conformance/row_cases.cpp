#include "row_cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "pattern_problem.h"
#include "runner.h"

namespace bp::conformance {

RowFacts row_facts(const bp_kernel& kernel) {
  const auto text = [](const char* chars) { return std::string(chars == nullptr ? "" : chars); };
  RowFacts facts;
  facts.id = kernel.id;
  facts.pattern = kernel.pattern;
  facts.where = text(kernel.where);
  facts.numerics = text(kernel.numerics);
  facts.n_tunables = kernel.n_tunable;
  facts.capture_safe = (kernel.flags & BP_K_CAPTURE_SAFE) != 0;
  const bp_kernel* row = &kernel;
  const auto table = KernelTable::create({&row, 1}, {.deny = {}, .force = {kernel.id}});
  if (!table.rejected().empty()) facts.rejected = table.rejected().front().reason;
  if (!table.rows().empty()) {
    facts.n_ops = std::ssize(table.rows().front().pattern.ops());
    for (const auto& names : table.rows().front().layouts) {
      facts.layouts |= std::ranges::any_of(names, [](const std::string& name) { return name != "file"; });
    }
  }
  return facts;
}

bool needs_pattern_case(const bp_kernel& kernel) {
  const auto pattern = Pattern::parse(kernel.pattern, kernel.id);
  const std::string_view where = kernel.where == nullptr ? "" : kernel.where;
  const bool asks = where.find("has(") != std::string_view::npos && where.find(")=1") != std::string_view::npos;
  return pattern.has_value() && (pattern->ops().size() > 1 || asks);
}

bool pattern_has(const bp_kernel& kernel, std::string_view op) {
  const auto pattern = Pattern::parse(kernel.pattern, kernel.id);
  return pattern.has_value() &&
         std::ranges::any_of(pattern->ops(), [&](const Pattern::Op& one) { return one.op->name == op; });
}

std::string pattern_case_name(const bp_kernel& kernel) { return fmt::format("pattern_{}", kernel.id); }

CaseResult judge_pattern(const bp_kernel& kernel, Subject& subject, bool timed) {
  CaseResult all;
  all.name = pattern_case_name(kernel);
  all.outcome = Outcome::kNoKernel;
  all.why = "no graph could be made that the row takes";
  const PatternProblem maker(kernel);
  for (size_t dtype = 0; dtype < maker.n_dtypes(); ++dtype) {
    for (const PatternChoice& choice : maker.choices(dtype)) {
      Problem problem(all.name);
      if (!maker.make(problem, choice) || !maker.matches(problem)) continue;
      const auto graph = problem.finish();
      if (!graph.has_value()) continue;
      const auto runner = Runner::create(problem, *graph, {&subject.device(), kernel.id});
      if (!runner.has_value() || !(*runner)->kernels().contains(kernel.id)) continue;
      const Case entry{fmt::format("{}_{}", all.name, dtype), [&](Problem& made) { maker.make(made, choice); }};
      CaseResult one = judge(entry, subject, timed);
      all.op = one.op;
      if (all.dtype.find(one.dtype) == std::string::npos) all.dtype += (all.dtype.empty() ? "" : " ") + one.dtype;
      if (all.outcome == Outcome::kNoKernel) all.why.clear();
      if (all.outcome != Outcome::kFailed) {
        all.outcome = one.outcome;
        all.why = one.why;
      }
      all.rows.insert(all.rows.end(), one.rows.begin(), one.rows.end());
      break;
    }
  }
  return all;
}

}  // namespace bp::conformance
