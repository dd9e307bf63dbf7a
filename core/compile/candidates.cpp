#include "compile/candidates.h"

#include <fmt/format.h>

#include <algorithm>

#include "compile/kernel_cost.h"
#include "graph/opset.h"

namespace bp {
namespace {

constexpr size_t kMaxMatches = 4;  // of one pattern at one node: commutative operands either way

std::string cost_text(const Cost& cost) {
  return fmt::format("{:.1f} us ({})", cost.us, cost_source_name(cost.source));
}

// Whether `a` is the better kernel for the same nodes. Assumed times say nothing of two kernels that move the same
// bytes: there the plugin's word counts.
bool better(const Candidate& a, const Candidate& b) {
  if (a.row->forced != b.row->forced) return a.row->forced;
  const bool known = a.cost.source != CostSource::kHeuristic && b.cost.source != CostSource::kHeuristic;
  if (!known && a.row->kernel->priority != b.row->kernel->priority)
    return a.row->kernel->priority > b.row->kernel->priority;
  return a.cost.us < b.cost.us;
}

std::string why_worse(const Candidate& worse, const Candidate& other) {
  if (other.row->forced && !worse.row->forced) return fmt::format("{} is forced", other.row->id);
  const bool known = worse.cost.source != CostSource::kHeuristic && other.cost.source != CostSource::kHeuristic;
  if (!known && worse.row->kernel->priority != other.row->kernel->priority) {
    return fmt::format("priority {}, {} has {}", worse.row->kernel->priority, other.row->id,
                       other.row->kernel->priority);
  }
  return fmt::format("{}, {} takes {}", cost_text(worse.cost), other.row->id, cost_text(other.cost));
}

}  // namespace

Candidates::Candidates(const Graph& graph, const Views& views, const PartitionRules& rules)
    : graph_(graph), views_(views), rules_(rules), readers_(uses(graph)), refused_(graph.nodes.size()) {
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) by_op_[graph.node(id).op].push_back(id);
}

void Candidates::collect(const KernelTable& table) {
  for (const KernelRow& row : table.rows()) collect_row(row);
  for (const KernelRow& row : table.denied()) note_denied(row);
  if (!rules_.fuse) leave_fusions_out();
}

void Candidates::refuse(NodeId node, const std::string& kernel, RefusalReason reason, std::string text) {
  std::vector<RefusedKernel>& at = refused_[static_cast<size_t>(node)];
  const auto known = std::ranges::find(at, kernel, &RefusedKernel::kernel);
  if (known != at.end()) {
    *known = {kernel, reason, std::move(text)};
  } else {
    at.push_back({kernel, reason, std::move(text)});
  }
}

void Candidates::collect_row(const KernelRow& row) {
  const auto roots = by_op_.find(row.pattern.root());
  if (roots == by_op_.end()) return;
  for (const NodeId root : roots->second) {
    if (row.pattern.ops().size() == 1 && views_.offset(root).has_value()) continue;
    std::string why;
    auto found = matches(graph_, readers_, row.pattern, root, kMaxMatches, &why);
    if (found.empty()) refuse(root, row.id, RefusalReason::kPattern, std::move(why));
    std::vector<std::vector<NodeId>> taken;
    for (Match& match : found) {
      std::vector<NodeId> nodes = match.nodes;
      if (std::ranges::find(taken, nodes) != taken.end()) continue;  // the other way round is no better
      if (try_match(row, root, std::move(match))) taken.push_back(std::move(nodes));
    }
  }
}

bool Candidates::try_match(const KernelRow& row, NodeId root, Match match) {
  std::string why;
  const auto no = [&](RefusalReason reason, std::string text) {
    refuse(root, row.id, reason, std::move(text));
    return false;
  };
  if (!row.guard.holds(graph_, match, &why)) return no(RefusalReason::kGuard, std::move(why));
  if (!layouts_fit(row, match)) return no(RefusalReason::kLayout, "an operand is not in a layout it accepts");
  size_t n_choices = 1;
  for (const auto& accepted : row.layouts) n_choices = std::max(n_choices, accepted.size());
  std::vector<std::string> layouts = layouts_of(row, match, 0);
  double estimate_us = 0;
  if (rules_.accept) {
    auto accepted = rules_.accept(row, match, layouts);
    for (size_t choice = 1; !accepted.has_value() && choice < n_choices; ++choice) {
      auto others = layouts_of(row, match, choice);
      if (others == layouts) continue;
      layouts = std::move(others);
      accepted = rules_.accept(row, match, layouts);
    }
    if (!accepted.has_value()) return no(RefusalReason::kDevice, accepted.error().what);
    estimate_us = *accepted;
  }
  Candidate candidate{&row, std::move(match), {}, root, 0, std::move(layouts), {}};
  candidate.nodes = candidate.match.nodes;
  std::ranges::sort(candidate.nodes);
  for (const NodeId id : candidate.nodes) candidate.n_work += views_.offset(id).has_value() ? 0 : 1;
  candidate.cost = cost_of(candidate, estimate_us);
  add(std::move(candidate));
  return true;
}

Cost Candidates::cost_of(const Candidate& candidate, double estimate_us) const {
  if (rules_.tuned) {
    const auto tuned = rules_.tuned(graph_, *candidate.row, candidate.match, candidate.layouts);
    if (tuned.has_value()) return {std::clamp(*tuned, 0.0, kReferenceUs / 10), CostSource::kTuned};
  }
  if (rules_.estimates && estimate_us > 0) return {std::min(estimate_us, kReferenceUs / 10), CostSource::kEstimate};
  return {std::min(heuristic_us(graph_, candidate.match.slots), kReferenceUs / 10), CostSource::kHeuristic};
}

void Candidates::add(Candidate candidate) {
  const auto [known, is_new] = by_nodes_.emplace(candidate.nodes, all_.size());
  if (is_new) return all_.push_back(std::move(candidate));
  Candidate& best = all_[known->second];
  if (better(candidate, best)) std::swap(candidate, best);
  if (candidate.row == best.row) return;
  refuse(candidate.root, candidate.row->id, RefusalReason::kCost, why_worse(candidate, best));
}

void Candidates::leave_fusions_out() {
  std::vector<bool> alone(graph_.nodes.size(), false);
  for (const Candidate& candidate : all_) {
    if (candidate.nodes.size() == 1) alone[static_cast<size_t>(candidate.nodes.front())] = true;
  }
  std::erase_if(all_, [&](const Candidate& candidate) {
    const bool replaceable = std::ranges::all_of(
        candidate.nodes, [&](NodeId id) { return alone[static_cast<size_t>(id)] || views_.offset(id).has_value(); });
    if (candidate.n_work < 2 || !replaceable || candidate.row->forced) return false;
    refuse(candidate.root, candidate.row->id, RefusalReason::kOption, "fusion is off (compile.disable)");
    return true;
  });
}

// A denied kernel is told of where it would have matched.
void Candidates::note_denied(const KernelRow& row) {
  const auto roots = by_op_.find(row.pattern.root());
  if (roots == by_op_.end()) return;
  for (const NodeId root : roots->second) {
    const auto found = match(graph_, readers_, row.pattern, root, nullptr);
    if (found.has_value() && row.guard.holds(graph_, *found, nullptr))
      refuse(root, row.id, RefusalReason::kDenied, "denied by the configuration (kernels.deny)");
  }
}

// Only weights are packed so far: what is no weight has to do as it is.
bool Candidates::layouts_fit(const KernelRow& row, const Match& match) const {
  for (size_t i = 0; i < match.slots.size(); ++i) {
    const ValueId id = match.slots[i];
    if (id == kNone || graph_.value(id).role == Role::kWeight || row.layouts[i].empty()) continue;
    if (std::ranges::find(row.layouts[i], "file") == row.layouts[i].end()) return false;
  }
  return true;
}

std::vector<std::string> Candidates::layouts_of(const KernelRow& row, const Match& match, size_t choice) const {
  std::vector<std::string> chosen(match.slots.size());
  for (size_t i = 0; i < match.slots.size(); ++i) {
    const ValueId id = match.slots[i];
    if (id == kNone || graph_.value(id).role != Role::kWeight || row.layouts[i].empty()) continue;
    const std::string& name = row.layouts[i][std::min(choice, row.layouts[i].size() - 1)];
    if (name != "file") chosen[i] = name;
  }
  return chosen;
}

}  // namespace bp
