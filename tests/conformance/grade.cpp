#include "grade.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/dtype.h"

namespace bp::conformance {
namespace {

// A case of a pattern names several dtypes.
std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == ' ') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

class Grader {
 public:
  explicit Grader(const Findings& findings) : findings_(findings), rows_(summarize(findings)) {}

  Grade run() {
    Grade grade;
    for (const auto step :
         {&Grader::border, &Grader::products, &Grader::primitives, &Grader::fused, &Grader::tuned, &Grader::several}) {
      needs_.clear();
      (this->*step)();
      if (!needs_.empty()) {
        grade.needs = needs_;
        return grade;
      }
      ++grade.reached;
    }
    return grade;
  }

 private:
  void need(std::string what) { needs_.push_back(std::move(what)); }

  void checks_of(int64_t grade) {
    for (const CheckResult& check : findings_.checks) {
      if (check.grade == grade && check.outcome == Outcome::kFailed)
        need(fmt::format("{} to pass ({})", check.name, check.why));
    }
  }

  // Rows that passed wherever they ran.
  bool is_sound(const RowSummary& row) const { return row.n_passed > 0 && row.n_failed == 0; }

  void border() {
    checks_of(0);
    for (const FamilyResult& family : findings_.families) {
      if (!family.why.empty()) need(fmt::format("the step of {} to be planned ({})", family.name, family.why));
    }
  }

  void products() {
    bool plain = false, blocks = false;
    for (const CaseResult& result : findings_.cases) {
      const auto dtype = parse_dtype(result.dtype);
      if (!result.name.starts_with("matmul_") || result.op != "matmul" || !dtype.has_value()) continue;
      if (result.outcome != Outcome::kPassed || result.rows.empty()) continue;
      plain |= is_float(*dtype);
      blocks |= is_block(*dtype);
    }
    if (!plain) need("a kernel for matmul with weights of f32, f16 or bf16 that passes");
    if (!blocks) need("a kernel for matmul with weights in blocks (q8_0, q4_0, …) that passes");
  }

  void primitives() {
    if (std::ranges::any_of(findings_.families, &FamilyResult::complete)) return unsound();
    // The family that lacks least.
    const FamilyResult* nearest = nullptr;
    std::set<std::string> missing;
    for (const FamilyResult& family : findings_.families) {
      std::set<std::string> ops;
      for (const FamilyOp& op : family.ops) {
        if (op.kernel.empty()) ops.insert(op.op);
      }
      if (nearest != nullptr && ops.size() >= missing.size()) continue;
      nearest = &family;
      missing = ops;
    }
    if (nearest == nullptr) return need("one model family whose step has a kernel for each op");
    need(fmt::format("kernels for all ops of one model family: {} lacks least, with {} weights {}", nearest->name,
                     nearest->weights, fmt::join(missing, ", ")));
    unsound();
  }

  void unsound() {
    for (const RowSummary& row : rows_) {
      if (row.row.n_ops == 1 && row.n_failed > 0)
        need(fmt::format("{} to pass ({} of its cases fail)", row.row.id, row.n_failed));
    }
  }

  void fused() {
    const auto n_fused =
        std::ranges::count_if(rows_, [&](const auto& row) { return row.row.n_ops > 1 && is_sound(row); });
    if (n_fused < 2) need(fmt::format("two kernels for patterns of several ops that pass, and there are {}", n_fused));
    if (!findings_.plugin.inline_launch) {
      if (!findings_.plugin.events) need("events");
      if (!findings_.plugin.copies_async) need("copies that only enqueue (BP_DEV_COPY_ASYNC)");
    }
    checks_of(3);
  }

  void tuned() {
    const auto any = [&](auto f) {
      return std::ranges::any_of(rows_, [&](const auto& row) { return is_sound(row) && f(row.row); });
    };
    if (!any([](const RowFacts& row) { return row.n_tunables > 0; })) need("a kernel with tunables that passes");
    if (!any([](const RowFacts& row) { return row.layouts; }))
      need("a kernel that takes weights in a named layout and passes");
    checks_of(4);
  }

  void several() {
    if (!findings_.plugin.collectives) return need("coll/1 and kernels for the coll.* ops");
    need("a run on several devices, which this program does not make yet");
  }

  const Findings& findings_;
  const std::vector<RowSummary> rows_;
  std::vector<std::string> needs_;
};

}  // namespace

Grade grade_of(const Findings& findings) { return Grader(findings).run(); }

std::vector<RowSummary> summarize(const Findings& findings) {
  std::vector<RowSummary> rows;
  std::map<std::string, size_t> places;
  for (const RowFacts& row : findings.plugin.rows) {
    places[row.id] = rows.size();
    rows.push_back({.row = row, .dtypes = {}, .timed_in = {}});
  }
  for (const CaseResult& result : findings.cases) {
    for (const RowResult& one : result.rows) {
      const auto place = places.find(one.row);
      if (place == places.end()) continue;
      RowSummary& row = rows[place->second];
      ++(one.passed ? row.n_passed : row.n_failed);
      row.worst = std::max(row.worst, one.worst);
      for (const std::string& dtype : words(result.dtype)) {
        if (std::ranges::find(row.dtypes, dtype) == row.dtypes.end()) row.dtypes.push_back(dtype);
      }
      if (one.us <= 0 || one.reference_us < row.reference_us) continue;
      row.us = one.us;
      row.reference_us = one.reference_us;
      row.gbps = one.gbps;
      row.gflops = one.gflops;
      row.timed_in = result.name;
    }
    if (result.outcome == Outcome::kFailed && result.rows.empty() && result.name.starts_with("row_")) {
      const auto place = places.find(result.name.substr(4));
      if (place != places.end()) ++rows[place->second].n_failed;
    }
  }
  return rows;
}

}  // namespace bp::conformance
