#include "judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "runner.h"

namespace bp::conformance {
namespace {

std::string dtype_of(const Graph& graph) {
  for (const Role role : {Role::kWeight, Role::kKv, Role::kActivation, Role::kParam}) {
    const Value* chosen = nullptr;
    for (const Value& value : graph.values) {
      if (value.producer != kNone || value.role != role) continue;
      if (role == Role::kWeight && value.dims.size() < 2 && graph.values.front().role != Role::kWeight) continue;
      if (chosen == nullptr) chosen = &value;
    }
    if (chosen != nullptr) return std::string(dtype_name(chosen->dtype));
  }
  return "";
}

std::string ops_text(const Graph& graph) {
  std::vector<std::string_view> names;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (std::ranges::find(names, node->op->name) == names.end()) names.push_back(node->op->name);
  }
  return fmt::format("{}", fmt::join(names, "+"));
}

// Whether the graph has the op that a match of the row starts from: most rows need not be tried on most cases.
bool may_take(const bp_kernel& kernel, const Graph& graph) {
  const auto pattern = Pattern::parse(kernel.pattern, kernel.id);
  if (!pattern.has_value()) return true;  // let the kernel table say so
  return std::ranges::any_of(graph.nodes, [&](const Node& node) { return node.op == pattern->root(); });
}

std::string sizes_text(const Sizes& sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) text += fmt::format(" {}={}", name, size);
  return text;
}

class Judge {
 public:
  Judge(const Case& entry, Subject& subject, bool timed) : subject_(subject), timed_(timed), problem_(entry.name) {
    result_.name = entry.name;
    entry.make(problem_);
  }

  CaseResult run() {
    if (const Status done = compare_all(); !done.has_value()) failed(done.error().message());
    if (result_.why.empty()) {
      const bool none = result_.rows.empty();
      result_.outcome = none ? Outcome::kNoKernel : Outcome::kPassed;
    }
    return std::move(result_);
  }

 private:
  void failed(const std::string& why) {
    result_.outcome = Outcome::kFailed;
    if (result_.why.empty()) result_.why = why;
  }

  Status compare_all() {
    BP_TRY(graph_, problem_.finish());
    result_.op = ops_text(graph_);
    result_.dtype = dtype_of(graph_);
    BP_TRY(reference_, Runner::create(problem_, graph_, {}));
    wanted_.resize(problem_.runs.size());
    Device& device = subject_.device();
    BP_TRY(const auto chosen, Runner::create(problem_, graph_, {.device = &device}));
    std::set<std::string> seen;
    for (const std::string& id : chosen->kernels()) {
      if (subject_.has(id)) seen.insert(id);
    }
    if (!seen.empty()) compare(*chosen, seen, chosen->kernels().size() == 1);
    for (const bp_kernel* kernel : subject_.rows()) {
      if (seen.contains(kernel->id) || !may_take(*kernel, graph_)) continue;
      auto forced = Runner::create(problem_, graph_, {.device = &device, .row = kernel->id});
      if (!forced.has_value()) {
        // A row that cannot be parsed is a matter of its own: see row_cases().
        if (forced.error().code != ErrorCode::kRefused)
          failed(fmt::format("{}: {}", kernel->id, forced.error().message()));
        continue;
      }
      if ((*forced)->kernels().contains(kernel->id)) compare(**forced, {kernel->id}, (*forced)->kernels().size() == 1);
    }
    return {};
  }

  // One compiled way of the problem over all sizes; what comes out counts for each of `rows`.
  void compare(Runner& runner, const std::set<std::string>& rows, bool alone) {
    RowResult row;
    row.passed = compare_sizes(runner, fmt::format("{}", fmt::join(rows, "+")), row);
    if (row.passed && alone && timed_) time(runner, row);
    if (row.passed && alone && can_pad(graph_, rows, subject_.device())) {
      auto padded = Runner::create(problem_, graph_, {&subject_.device(), *rows.begin(), true});
      // With values that tell the sizes it may be another kernel's turn.
      if (!padded.has_value()) {
        row.passed = false;
        failed(fmt::format("{}, as captured: {}", *rows.begin(), padded.error().message()));
      } else if ((*padded)->kernels() == runner.kernels()) {
        row.padded = true;
        row.passed = compare_sizes(**padded, *rows.begin() + ", as captured,", row);
      }
    }
    for (const std::string& id : rows) {
      row.row = id;
      result_.rows.push_back(row);
    }
  }

  bool compare_sizes(Runner& runner, const std::string& label, RowResult& row) {
    std::vector<Outputs> all;
    for (size_t i = 0; i < problem_.runs.size(); ++i) {
      const Sizes& sizes = problem_.runs[i];
      const auto fails = [&](const std::string& why) {
        failed(fmt::format("{}{}: {}", label, sizes_text(sizes), why));
        return false;
      };
      auto got = runner.run(sizes);
      if (!got.has_value()) return fails(got.error().message());
      if (!wanted_[i].has_value()) wanted_[i] = reference_->run(sizes);
      if (!wanted_[i]->has_value()) return fails(wanted_[i]->error().message());
      const Difference found = difference(problem_, graph_, *got, **wanted_[i]);
      row.worst = std::max(row.worst, found.worst);
      if (!found.text.empty()) return fails(found.text);
      all.push_back(*std::move(got));
      if (i == 0 || !grows(i) || !names_numerics(runner.kernels())) continue;
      // Where rows of the reference do not depend on how many there are, nor do those of a kernel that names its
      // numerics, to the bit.
      if (is_prefix(**wanted_[i - 1], **wanted_[i]) && !is_prefix(all[i - 1], all[i]))
        return fails("its first rows have other bits than among fewer rows, and it names its numerics");
    }
    return true;
  }

  // Whether run i is of the sizes before, but for one that is larger.
  bool grows(size_t i) const {
    const Sizes& fewer = problem_.runs[i - 1];
    const Sizes& more = problem_.runs[i];
    return more.size() == 1 && fewer.size() == 1 && fewer.begin()->first == more.begin()->first &&
           fewer.begin()->second <= more.begin()->second;
  }

  bool names_numerics(const std::set<std::string>& kernels) const {
    return std::ranges::all_of(kernels, [&](const std::string& id) {
      const auto row = std::ranges::find_if(subject_.rows(), [&](const bp_kernel* kernel) { return kernel->id == id; });
      return row != subject_.rows().end() && (*row)->numerics != nullptr && (*row)->numerics[0] != '\0';
    });
  }

  // At the last sizes, which have been run last.
  void time(Runner& runner, RowResult& row) {
    if (problem_.runs.empty()) return;
    const auto us = runner.time_us();
    if (!us.has_value()) return failed(us.error().message());
    if (reference_us_ == 0) {
      const auto again = reference_->run(problem_.runs.back());  // other sizes may have been the last
      const auto slow = again.has_value() ? reference_->time_us() : Result<double>(0.0);
      reference_us_ = slow.value_or(0);
    }
    row.us = *us;
    row.reference_us = reference_us_;
    const Work work = work_of(graph_, problem_.runs.back());
    if (work.flops > 0) row.gflops = work.flops / *us / 1e3;
    if (!work.caches) row.gbps = work.bytes / *us / 1e3;
  }

  Subject& subject_;
  bool timed_;
  Problem problem_;
  Graph graph_;
  std::unique_ptr<Runner> reference_;
  std::vector<std::optional<Result<Outputs>>> wanted_;
  double reference_us_ = 0;
  CaseResult result_;
};

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  constexpr std::string_view kNames[] = {"passed", "failed", "no kernel", "skipped"};
  return kNames[static_cast<size_t>(outcome)];
}

Outcome outcome_of(std::string_view name) {
  for (const Outcome outcome : {Outcome::kPassed, Outcome::kNoKernel, Outcome::kSkipped}) {
    if (outcome_name(outcome) == name) return outcome;
  }
  return Outcome::kFailed;
}

CaseResult judge(const Case& entry, Subject& subject, bool timed) { return Judge(entry, subject, timed).run(); }

std::vector<std::string> ops_of(const Case& entry) {
  Problem problem(entry.name, false);
  entry.make(problem);
  const auto graph = problem.finish();
  std::vector<std::string> names;
  if (!graph.has_value()) return names;
  for (const Node& node : graph->nodes) names.emplace_back(node.op->name);
  return names;
}

}  // namespace bp::conformance
