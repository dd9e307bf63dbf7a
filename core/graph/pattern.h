// Patterns over primitive ops, as kernels declare them, and their match in a graph.
//
//   expr   := ?var | (op expr…) | (= ?name expr) | (result N expr) | (tuple expr expr…)
//   (matmul (rms_norm ?x ?g) ?w)
//   (tuple (= ?s (add ?r ?x)) (rms_norm ?s ?w))      two outputs; s is the first
//   rope                                             an op alone: all its operands, named as in docs/opset.md
//
// An op may carry its version ("matmul@1"). `?mask*` may be absent. Operands that are left out must be absent. A
// variable that comes twice is the same value both times. (= ?name expr) names an expression, so that ?name means it
// further on; (result N expr) is the Nth result of an op with several. add, mul and other commutative ops match either
// way round. Thread-safety: a Pattern is immutable after parse; match() is a pure function.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/opset.h"

namespace bp {

using Uses = std::vector<std::vector<NodeId>>;  // uses(graph)

class Pattern {
 public:
  // A reference to an expression or a variable.
  struct Ref {
    int op = -1;     // index into ops(), or -1
    int slot = -1;   // of a variable, or -1
    int result = 0;  // which result of the op
  };
  struct Op {
    const OpDef* op = nullptr;
    std::vector<Ref> operands;  // as many as are written
  };

  // `where` names the kernel in errors (kRefused). The text comes from a plugin: length, depth and counts are bounded.
  static Result<Pattern> parse(std::string_view text, std::string_view where);

  // Variables in order of first appearance, then each result of each output, in pattern order: named by (= ?name …),
  // with "name1", … for further results of its op, or "out", "out1", …
  size_t n_slots() const { return slot_names_.size(); }
  std::span<const std::string> slot_names() const { return slot_names_; }
  size_t n_variables() const { return optional_.size(); }
  bool is_optional(size_t variable) const { return optional_[variable]; }
  std::optional<size_t> find_slot(std::string_view name) const;

  // Pattern order: an op comes after its operands, from left to right.
  std::span<const Op> ops() const { return ops_; }
  std::span<const int> outputs() const { return outputs_; }  // indices into ops()
  // The op that a match starts from: that of the last output.
  const OpDef* root() const { return ops_[static_cast<size_t>(outputs_.back())].op; }

 private:
  friend class PatternParser;
  std::vector<Op> ops_;
  std::vector<int> outputs_;
  std::vector<std::string> slot_names_;
  std::vector<bool> optional_;  // of variables
};

struct Match {
  std::vector<NodeId> nodes;   // pattern order
  std::vector<ValueId> slots;  // kNone: an absent optional operand or result
};

// The match whose last output is made by node `root`, if it can stand for its nodes: inner values have no other reader
// and are no graph outputs, and all nodes may run at the place of the last one: no value on the way from one to another
// is made outside, nobody reads an output before that place, and nothing that a node reads is overwritten before it.
// why (may be null): the reason where there is no match.
std::optional<Match> match(const Graph& graph, const Uses& readers, const Pattern& pattern, NodeId root,
                           std::string* why);

// All of them, at most `limit`: commutative operands taken the one way and the other, outputs beside the last one made
// by this node or that. Matches of the same nodes differ in their slots. Empty: `why`, as of match().
std::vector<Match> matches(const Graph& graph, const Uses& readers, const Pattern& pattern, NodeId root, size_t limit,
                           std::string* why);

}  // namespace bp
