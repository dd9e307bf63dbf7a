#include <fmt/format.h>

#include <algorithm>

#include "graph/pattern.h"

namespace bp {
namespace {

// Commutative ops and outputs side by side make match a search; a pattern from a plugin must not make it a long one.
constexpr int kMaxSteps = 4096;
constexpr ValueId kUnset = -2;

struct State {
  std::vector<NodeId> node_of;  // of pattern ops
  std::vector<ValueId> variables;
};

struct Goal {
  Pattern::Ref ref;
  ValueId value;
};

class Search {
 public:
  Search(const Graph& graph, const Uses& readers, const Pattern& pattern)
      : graph_(graph), readers_(readers), pattern_(pattern) {}

  std::vector<Match> run(NodeId root, size_t limit) {
    limit_ = limit;
    State state{std::vector<NodeId>(pattern_.ops().size(), kNone),
                std::vector<ValueId>(pattern_.n_variables(), kUnset)};
    enter(std::move(state), {}, pattern_.outputs().back(), root);
    return std::move(found_);
  }
  std::string reason() const { return reason_; }

 private:
  const Pattern::Op& op(int index) const { return pattern_.ops()[static_cast<size_t>(index)]; }
  std::string text(ValueId id) const {
    if (id == kNone) return "nothing";
    const std::string& name = graph_.value(id).name;
    return name.empty() ? fmt::format("%{}", id) : "%" + name;
  }

  // The reason that came furthest is the one worth telling.
  bool no(const State& state, std::string what) {
    const auto depth = std::count_if(state.node_of.begin(), state.node_of.end(), [](NodeId n) { return n != kNone; });
    if (reason_.empty() || depth > reason_depth_) {
      reason_ = std::move(what);
      reason_depth_ = depth;
    }
    return false;
  }

  // Lets `node` stand for the pattern's op, if it can, and goes on with its operands.
  bool enter(State state, std::vector<Goal> goals, int index, NodeId id) {
    const Node& node = graph_.node(id);
    const Pattern::Op& want = op(index);
    if (node.op != want.op) return no(state, fmt::format("node {} is {}, not {}", id, node.op->name, want.op->name));
    if (std::find(state.node_of.begin(), state.node_of.end(), id) != state.node_of.end()) {
      return no(state, fmt::format("node {} would stand twice", id));
    }
    for (size_t i = want.operands.size(); i < node.in.size(); ++i) {
      if (node.in[i] == kNone) continue;
      return no(state, fmt::format("{} has an operand {} more than the pattern", node.op->name, text(node.in[i])));
    }
    state.node_of[static_cast<size_t>(index)] = id;
    const auto operand = [&](size_t i) { return i < node.in.size() ? node.in[i] : kNone; };
    const size_t first_goal = goals.size();
    for (size_t i = want.operands.size(); i-- > 0;) goals.push_back({want.operands[i], operand(i)});
    if (!want.op->commutative || want.operands.size() != 2) return solve(std::move(state), std::move(goals));
    if (solve(state, goals)) return true;
    std::swap(goals[first_goal].value, goals[first_goal + 1].value);
    return solve(std::move(state), std::move(goals));
  }

  bool solve(State state, std::vector<Goal> goals) {
    while (!goals.empty()) {
      if (++steps_ > kMaxSteps) return no(state, "the search took too long");
      const Goal goal = goals.back();
      goals.pop_back();
      if (goal.ref.op < 0) {
        if (!bind(state, goal)) return false;
        continue;
      }
      const NodeId producer = goal.value == kNone ? kNone : graph_.value(goal.value).producer;
      if (producer == kNone) {
        return no(state, fmt::format("{} is not made by {}", text(goal.value), op(goal.ref.op).op->name));
      }
      const Node& node = graph_.node(producer);
      const NodeId known = state.node_of[static_cast<size_t>(goal.ref.op)];
      const auto result = static_cast<size_t>(goal.ref.result);
      if (result >= node.out.size() || node.out[result] != goal.value || (known != kNone && known != producer)) {
        return no(state,
                  fmt::format("{} is not result {} of its {}", text(goal.value), result, op(goal.ref.op).op->name));
      }
      if (known == kNone) return enter(std::move(state), std::move(goals), goal.ref.op, producer);
    }
    return next_output(std::move(state));
  }

  bool bind(State& state, const Goal& goal) {
    ValueId& variable = state.variables[static_cast<size_t>(goal.ref.slot)];
    const std::string& name = pattern_.slot_names()[static_cast<size_t>(goal.ref.slot)];
    if (goal.value == kNone && !pattern_.is_optional(static_cast<size_t>(goal.ref.slot))) {
      return no(state, fmt::format("operand ?{} is absent", name));
    }
    if (variable != kUnset && variable != goal.value) {
      return no(state, fmt::format("?{} would be both {} and {}", name, text(variable), text(goal.value)));
    }
    variable = goal.value;
    return true;
  }

  // Outputs beside the last one are found through the operands that they share with what is matched.
  bool next_output(State state) {
    for (const int output : pattern_.outputs()) {
      if (state.node_of[static_cast<size_t>(output)] != kNone) continue;
      const auto found = candidates(state, output);
      for (const NodeId id : found) {
        if (enter(state, {}, output, id)) return true;
      }
      return found.empty() ? no(state, fmt::format("no {} shares an operand", op(output).op->name)) : false;
    }
    return finish(state);
  }

  // Nodes that might stand for the op. The size of the pattern bounds the recursion.
  std::vector<NodeId> candidates(const State& state, int index) {
    // Named expressions make the pattern a DAG, which has more paths than ops.
    if (++steps_ > kMaxSteps) return {};
    for (const Pattern::Ref& ref : op(index).operands) {
      std::vector<NodeId> found;
      for (const ValueId value : possible_values(state, ref)) {
        for (const NodeId id : readers_[static_cast<size_t>(value)]) {
          const bool fresh = std::find(found.begin(), found.end(), id) == found.end();
          if (graph_.node(id).op == op(index).op && fresh) found.push_back(id);
        }
      }
      if (!found.empty()) return found;
    }
    return {};
  }

  std::vector<ValueId> possible_values(const State& state, const Pattern::Ref& ref) {
    std::vector<ValueId> out;
    if (ref.op < 0) {
      if (state.variables[static_cast<size_t>(ref.slot)] >= 0)
        out.push_back(state.variables[static_cast<size_t>(ref.slot)]);
      return out;
    }
    const NodeId known = state.node_of[static_cast<size_t>(ref.op)];
    for (const NodeId id : known != kNone ? std::vector{known} : candidates(state, ref.op)) {
      const Node& node = graph_.node(id);
      if (static_cast<size_t>(ref.result) < node.out.size()) out.push_back(node.out[static_cast<size_t>(ref.result)]);
    }
    return out;
  }

  bool finish(const State& state) {
    Match match{state.node_of, state.variables};
    for (const int output : pattern_.outputs()) {
      const Node& node = graph_.node(state.node_of[static_cast<size_t>(output)]);
      for (size_t r = 0; r < node.op->results.size(); ++r)
        match.slots.push_back(r < node.out.size() ? node.out[r] : kNone);
    }
    if (!is_legal(state, match)) return false;
    const bool known = std::any_of(found_.begin(), found_.end(), [&](const Match& other) {
      return other.nodes == match.nodes && other.slots == match.slots;
    });
    if (!known) found_.push_back(std::move(match));
    return found_.size() >= limit_;  // else the search goes on, as if this were none
  }

  bool is_inside(const Match& match, NodeId id) const {
    return std::find(match.nodes.begin(), match.nodes.end(), id) != match.nodes.end();
  }

  bool is_legal(const State& state, const Match& match) {
    for (const ValueId id : state.variables) {
      if (id >= 0 && graph_.value(id).producer != kNone && is_inside(match, graph_.value(id).producer)) {
        return no(state, fmt::format("{} is an operand and made inside", text(id)));
      }
    }
    const NodeId last = *std::max_element(match.nodes.begin(), match.nodes.end());
    for (size_t i = 0; i < match.nodes.size(); ++i) {
      const auto outputs = pattern_.outputs();
      const bool is_output = std::find(outputs.begin(), outputs.end(), static_cast<int>(i)) != outputs.end();
      for (const ValueId id : graph_.node(match.nodes[i]).out) {
        if (!(is_output ? waits_for(state, match, id, last) : is_inner(state, match, id))) return false;
      }
    }
    return crosses_no_write(state, match, last);
  }

  // With this and is_inner no path leaves the match and comes back: the way out begins after its last node.
  bool waits_for(const State& state, const Match& match, ValueId id, NodeId last) {
    for (const NodeId reader : readers_[static_cast<size_t>(id)]) {
      if (reader > last || is_inside(match, reader)) continue;
      return no(state, fmt::format("{} is read by node {}, before the last node of the match", text(id), reader));
    }
    return true;
  }

  bool is_inner(const State& state, const Match& match, ValueId id) {
    for (const NodeId reader : readers_[static_cast<size_t>(id)]) {
      if (!is_inside(match, reader)) return no(state, fmt::format("{} is read by node {} too", text(id), reader));
    }
    const bool is_output = std::find(graph_.outputs.begin(), graph_.outputs.end(), id) != graph_.outputs.end();
    const bool is_length = std::any_of(graph_.symbols.begin(), graph_.symbols.end(),
                                       [&](const Symbol& symbol) { return symbol.len_value == id; });
    return is_output || is_length ? no(state, fmt::format("{} is needed outside", text(id))) : true;
  }

  // Nodes of the match move down to its last one: no node between may overwrite what they read.
  bool crosses_no_write(const State& state, const Match& match, NodeId last) {
    for (const NodeId moved : match.nodes) {
      for (NodeId between = moved + 1; between < last; ++between) {
        if (is_inside(match, between)) continue;
        for (const ValueId written : graph_.node(between).out) {
          if (graph_.value(written).updates == kNone || !reads(moved, storage_root(graph_, written))) continue;
          return no(state, fmt::format("node {} overwrites what node {} reads", between, moved));
        }
      }
    }
    return true;
  }

  bool reads(NodeId id, ValueId root) const {
    const std::vector<ValueId>& in = graph_.node(id).in;
    return std::any_of(in.begin(), in.end(), [&](ValueId v) { return v != kNone && storage_root(graph_, v) == root; });
  }

  const Graph& graph_;
  const Uses& readers_;
  const Pattern& pattern_;
  std::vector<Match> found_;
  size_t limit_ = 1;
  std::string reason_;
  std::ptrdiff_t reason_depth_ = 0;
  int steps_ = 0;
};

}  // namespace

std::vector<Match> matches(const Graph& graph, const Uses& readers, const Pattern& pattern, NodeId root, size_t limit,
                           std::string* why) {
  Search search(graph, readers, pattern);
  auto found = search.run(root, limit);
  if (found.empty() && why != nullptr) *why = search.reason();
  return found;
}

std::optional<Match> match(const Graph& graph, const Uses& readers, const Pattern& pattern, NodeId root,
                           std::string* why) {
  auto found = matches(graph, readers, pattern, root, 1, why);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

}  // namespace bp
