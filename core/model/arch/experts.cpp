#include "model/arch/experts.h"

#include <fmt/format.h>

namespace bp {
namespace {

ValueId top_k(GraphBuilder& g, ValueId scores, int64_t k) {
  g.op("topk", {scores}, {{"k", k}});
  return g.results().size() == 2 ? g.results()[1] : kNone;
}

ValueId top_k_values(GraphBuilder& g, ValueId scores, int64_t k) { return g.op("topk", {scores}, {{"k", k}}); }

// scores [T, E], those outside the best groups so low that they are chosen last.
ValueId within_groups(DecoderBuilder& b, ValueId scores) {
  const ExpertConfig& e = b.config().experts;
  GraphBuilder& g = b.graph();
  const Extent n_groups = Extent::fixed(e.n_groups), group = Extent::fixed(e.n_experts / e.n_groups);
  const ValueId grouped = g.reshape(scores, {b.tokens(), n_groups, group});
  const ValueId worth = e.group_by_top2 ? g.op("reduce_sum", {top_k_values(g, grouped, 2)})
                                        : g.op("reduce_max", {grouped});  // [T, n_groups]
  const ValueId best = top_k(g, worth, e.n_groups_used);
  const ValueId ones = g.scale(g.op("gather_last", {worth, best}), 0, 1);
  const ValueId mask = g.op("scatter_last", {g.scale(worth, 0), best, ones});  // [T, n_groups] of 0 and 1
  constexpr double kFar = 1e30;
  const ValueId penalty = g.scale(g.reshape(mask, {b.tokens(), n_groups, Extent::fixed(1)}), kFar, -kFar);
  const ValueId masked = g.add(grouped, penalty);
  return g.reshape(masked, {b.tokens(), Extent::fixed(e.n_experts)});
}

ValueId shared_expert(DecoderBuilder& b, ValueId n) {
  const ExpertConfig& e = b.config().experts;
  GraphBuilder& g = b.graph();
  g.push_scope("shared");
  ValueId y = b.gated_ffn(n, e.shared_ffn, "_shexp");
  if (e.shared_gate) y = g.mul(y, g.op("sigmoid", {b.linear(n, "ffn_gate_inp_shexp", 1, Bias::kAbsent)}));
  g.pop_scope();
  return y;
}

}  // namespace

bool has_experts(const DecoderBuilder& b) {
  const ExpertConfig& experts = b.config().experts;
  return experts.n_experts > 0 && b.layer() != kNone && experts.layers[static_cast<size_t>(b.layer())];
}

Routing route(DecoderBuilder& b, ValueId n) {
  const ExpertConfig& e = b.config().experts;
  GraphBuilder& g = b.graph();
  const ValueId logits = b.linear(n, "ffn_gate_inp", e.n_experts);
  const ValueId probs = g.op(e.gate == ExpertGate::kSigmoid ? "sigmoid" : "softmax", {logits});
  ValueId scores = probs;
  if (b.has("exp_probs_b.bias")) scores = g.add(scores, b.weight("exp_probs_b.bias", {e.n_experts}));
  if (e.n_groups > 1) scores = within_groups(b, scores);
  const ValueId chosen = top_k(g, scores, e.n_used);
  ValueId weights = g.op("gather_last", {probs, chosen});
  if (e.normalize) {
    ValueId sum = g.op("reduce_sum", {weights}, {{"keep", int64_t{1}}});
    // Sigmoids may all be 0, where the largest of a softmax is not.
    if (e.gate == ExpertGate::kSigmoid) sum = g.scale(sum, 1, 1e-20);
    weights = g.op("div", {weights, sum});
  }
  return {chosen, b.scale(weights, e.scale)};
}

ValueId expert_linear(DecoderBuilder& b, ValueId x, std::string_view stem, int64_t n, const Routing& routing) {
  const ExpertConfig& e = b.config().experts;
  GraphBuilder& g = b.graph();
  const ValueId y = g.op("matmul_indexed", {x, b.expert_matrices(stem, n, b.width(x)), routing.experts});
  const std::string bias = fmt::format("{}.bias", stem);
  if (!b.has(bias)) return y;
  const ValueId rows = g.gather_rows(b.weight(bias, {e.n_experts, n}), g.reshape(routing.experts, {b.slots()}));
  return g.add(y, g.reshape(rows, {b.tokens(), Extent::fixed(e.n_used), Extent::fixed(n)}));
}

ValueId combine_experts(DecoderBuilder& b, const Routing& routing, ValueId inner) {
  GraphBuilder& g = b.graph();
  const int64_t hidden = b.config().hidden;
  const ValueId y = expert_linear(b, inner, "ffn_down_exps", hidden, routing);
  const ValueId rows = g.reshape(y, {b.slots(), Extent::fixed(hidden)});
  return g.op("moe_combine", {rows, g.op("iota", {rows}), routing.weights});
}

ValueId expert_ffn(DecoderBuilder& b, ValueId n) {
  const ModelConfig& c = b.config();
  GraphBuilder& g = b.graph();
  g.push_scope("experts");
  const Routing routing = route(b, n);
  const int64_t ffn = c.experts.ffn;
  ValueId gate = kNone, up = kNone;
  if (b.has("ffn_gate_up_exps.weight")) {  // both in one tensor
    const ValueId both = expert_linear(b, n, "ffn_gate_up_exps", 2 * ffn, routing);
    gate = b.columns(both, 0, ffn);
    up = b.columns(both, ffn, ffn);
  } else {
    gate = expert_linear(b, n, "ffn_gate_exps", ffn, routing);
    up = expert_linear(b, n, "ffn_up_exps", ffn, routing);
  }
  ValueId y = combine_experts(b, routing, g.mul(b.activate(gate), up));
  g.pop_scope();
  return c.experts.shared_ffn > 0 ? g.add(y, shared_expert(b, n)) : y;
}

}  // namespace bp
