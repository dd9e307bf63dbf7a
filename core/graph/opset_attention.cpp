#include <fmt/format.h>

#include <cmath>

#include "graph/opset_families.h"

namespace bp {
namespace {

Status infer_rope(Inference& call) {
  const int64_t n_rot = call.attr_int("n_rot"), offset = call.attr_int("offset"), mode = call.attr_int("mode");
  const Extent& d = call.operand(0).dims.back();
  if (mode != 0 && mode != 1) return call.error(fmt::format("mode {}", mode), "use 0 (half) or 1 (interleaved)");
  if (n_rot < 0 || n_rot % 2 != 0 || offset < 0 || !d.is_static() || offset > d.value || n_rot > d.value - offset) {
    return call.error(fmt::format("{} columns from {} of {}", n_rot, offset, call.show(0)),
                      "n_rot must be even and offset + n_rot at most D");
  }
  const bool variants = call.operand(2).dims.size() == 2;
  if (variants == call.has(3)) return {};
  return call.error("freqs [V, n_rot/2] and variant come together", "give both, or freqs [n_rot/2] alone");
}

bool needs_scales(DType kv) { return !is_float(kv); }

Status check_scales(const Inference& call, size_t cache, size_t scales) {
  if (needs_scales(call.operand(cache).dtype) == call.has(scales)) return {};
  return call.error(fmt::format("{} is {} and has {} scales", call.show(cache), dtype_name(call.operand(cache).dtype),
                                call.has(scales) ? "" : "no"),
                    "scales come with i8 and fp8, and only with them");
}

Status infer_kv_write(Inference& call) { return check_scales(call, 0, 3); }

Status infer_kv_gather(Inference& call) {
  BP_TRY_VOID(check_scales(call, 0, 3));
  const auto rows = decode_extent(call.graph, call.attr_int("n_rows"));
  if (!rows) return call.error(fmt::format("n_rows {}", call.attr_int("n_rows")), "give a size, or -2 - symbol");
  const DType cache = call.operand(0).dtype;
  DType dtype = is_float(cache) ? cache : DType::kF32;
  if (call.attr_int("dtype") != 0) dtype = call.attr_dtype("dtype");
  if (!is_float(dtype)) return call.error("the result's dtype is no float", "use f32, f16 or bf16");
  call.out.push_back({dtype, {*rows, call.dim("Hk"), call.dim("D")}});
  return {};
}

Status check_heads(const Inference& call) {
  const Affine h = *call.bound("H"), hk = *call.bound("Hk");
  if (h.base == kNone && hk.base == kNone && hk.add > 0 && h.add % hk.add == 0) return {};
  return call.error(fmt::format("{} and {}: query heads are no multiple of KV heads", call.show(0), call.show(1)),
                    "H must be a multiple of Hk");
}

Status check_window(const Inference& call) {
  if (call.attr_int("window") >= 0) return {};
  return call.error(fmt::format("window {}", call.attr_int("window")), "use 0 for none");
}

Status infer_attention(Inference& call) {
  BP_TRY_VOID(check_heads(call));
  BP_TRY_VOID(check_window(call));
  BP_TRY_VOID(check_scales(call, 1, 9));
  const int64_t v_dim = call.attr_int("v_dim");
  const Extent& dv = call.operand(2).dims.back();
  Extent result = dv;
  if (v_dim != 0) {
    const bool same = same_dims(call.graph, call.operand(1).dims, call.operand(2).dims);
    if (v_dim < 0 || !dv.is_static() || v_dim > dv.value || !same || call.has(10)) {
      return call.error(fmt::format("v_dim {} with {}", v_dim, call.show(2)),
                        "v must be the operand k, v_scales absent, and v_dim at most D");
    }
    result = Extent::fixed(v_dim);
  } else {
    BP_TRY_VOID(check_scales(call, 2, 10));
  }
  call.out.push_back({call.operand(0).dtype, {call.dim("T"), call.dim("H"), result}});
  return {};
}

Status infer_ragged(Inference& call) {
  BP_TRY_VOID(check_heads(call));
  return check_window(call);
}

std::vector<AttrDef> score_attrs() {
  return {required_float("scale", "factor of q·k"), optional_float("softcap", 0, "cap tanh(score / cap); 0: none"),
          optional_int("window", 0, "only keys with position > query's - window; 0: all"),
          optional_int("causal", 1, "only keys at or before the query's position")};
}

OpDef attention() {
  OpDef op{
      .name = "attention",
      .operands = {{"q", "[T, H, D]"},
                   {"k", "[P, Hk, page, D]", TypeRule::kKv},
                   {"v", "[P, Hk, page, Dv]", TypeRule::kKv},
                   {"page_table", "[S, max_pages]", TypeRule::kI32},
                   {"seq_start", "[S+1]", TypeRule::kI32},
                   {"seq_len", "[S]", TypeRule::kI32},
                   {"mask", "[T, C]", TypeRule::kF32, true},
                   {"sinks", "[H]", TypeRule::kF32, true},
                   {"alibi", "[H]", TypeRule::kF32, true},
                   {"k_scales", "[P, Hk, page]", TypeRule::kFloat, true},
                   {"v_scales", "[P, Hk, page]", TypeRule::kFloat, true}},
      .results = {{"y", "[T, H, Dv], or [T, H, v_dim]"}},
      .attrs = score_attrs(),
      .doc =
          "Rows seq_start[s]..seq_start[s+1]-1 belong to sequence s, whose keys are positions 0..seq_len[s]-1: key j "
          "lies in page page_table[s][j / page] at j % page. Row t stands at position seq_len[s] - (seq_start[s+1] "
          "- seq_start[s]) + t - seq_start[s]. score = scale q·k, soft-capped, + alibi[h] (k_pos - q_pos), + "
          "mask[t, k_pos] (0 past C), cut by causal and window; softmax over the keys, where sinks[h] joins the "
          "denominator as one more score without value; times v. Query head h uses KV head h Hk / H. With v_dim, v "
          "is the first v_dim columns of k's rows (absorbed latent attention). Rows of no sequence give zeros, and "
          "so do rows without a visible key. A page outside [0, P) is never read: its keys are not visible.",
      .infer = infer_attention};
  op.attrs.push_back(optional_int("v_dim", 0, "0, or the columns of k that are v"));
  return op;
}

OpDef attention_ragged() {
  return {.name = "attention_ragged",
          .operands = {{"q", "[T, H, D]"},
                       {"k", "[C, Hk, D]"},
                       {"v", "[C, Hk, Dv]"},
                       {"q_start", "[S+1]", TypeRule::kI32},
                       {"k_start", "[S+1]", TypeRule::kI32},
                       {"mask", "[T, M]", TypeRule::kF32, true},
                       {"sinks", "[H]", TypeRule::kF32, true},
                       {"alibi", "[H]", TypeRule::kF32, true}},
          .results = {{"y", "[T, H, Dv]"}},
          .attrs = score_attrs(),
          .doc =
              "attention over keys that lie one after another: sequence s has rows q_start[s]..q_start[s+1]-1 and keys "
              "k_start[s]..k_start[s+1]-1; its query i stands at position (number of keys) - (number of rows) + i. "
              "mask is by key position within the sequence.",
          .infer = infer_ragged};
}

void add_kv_ops(Opset& ops) {
  ops.push_back(
      {.name = "kv_write",
       .operands = {{"cache", "[P, Hk, page, D]", TypeRule::kKv},
                    {"new", "[T, Hk, D]"},
                    {"slots", "[T]", TypeRule::kI32},
                    {"scales", "[P, Hk, page]", TypeRule::kFloat, true}},
       .results = {{.name = "cache'", .shape = "[P, Hk, page, D]", .updates = 0},
                   {.name = "scales'", .shape = "[P, Hk, page]", .updates = 3, .optional = true}},
       .doc = "Row t of `new` goes to page slots[t] / page, place slots[t] % page; a slot outside [0, P page) is "
              "not written. i8 and fp8 caches have a scale for each token and head: absmax / qmax (127, 448, "
              "57344).",
       .infer = infer_kv_write});
  ops.push_back(
      {.name = "kv_gather",
       .operands = {{"cache", "[P, Hk, page, D]", TypeRule::kKv},
                    {"page_table", "[S, max_pages]", TypeRule::kI32},
                    {"k_start", "[S+1]", TypeRule::kI32},
                    {"scales", "[P, Hk, page]", TypeRule::kFloat, true}},
       .results = {{"y", "[n_rows, Hk, D]"}},
       .attrs = {required_int("n_rows", "rows of the result: a size, or -2 - symbol"),
                 optional_int("dtype", 0, "number of the result's dtype; 0: the cache's, f32 where it has scales")},
       .doc = "Rows k_start[s]..k_start[s+1]-1 are the first tokens of sequence s, times their scales; other rows, "
              "and tokens in pages outside [0, P), give zeros. For expanded latent attention.",
       .infer = infer_kv_gather});
}

}  // namespace

void add_attention_ops(Opset& ops) {
  ops.push_back(
      {.name = "rope",
       .operands = {{"x", "[T, H, D]"},
                    {"positions", "[T]", TypeRule::kI32},
                    {"freqs", "[n_rot/2] or [V, n_rot/2]", TypeRule::kF32},
                    {"variant", "[T]", TypeRule::kI32, true}},
       .results = {{"y", "[T, H, D]"}},
       .attrs = {optional_int("mode", 0, "0 half: pairs i, i + n_rot/2; 1 interleaved: pairs 2i, 2i + 1"),
                 required_int("n_rot", "columns that are rotated, even"),
                 optional_int("offset", 0, "the first of them"), optional_float("scale", 1, "factor of cos and sin")},
       .doc = "angle = positions[t] freqs[i], in float32; each pair (a, b) of columns offset..offset+n_rot becomes "
              "(a cos - b sin, a sin + b cos), cos and sin times scale; the others pass. variant[t] picks the row "
              "of freqs; outside [0, V) the row passes unchanged.",
       .infer = infer_rope});
  add_kv_ops(ops);
  ops.push_back(attention());
  ops.push_back(attention_ragged());
  ops.push_back({.name = "segment_mean",
                 .operands = {{"x", "[T, H]"}, {"seq_start", "[S+1]", TypeRule::kI32}},
                 .results = {{"y", "[S, H]"}},
                 .doc = "y[s] = the mean of rows seq_start[s]..seq_start[s+1]-1; zeros of none."});
}

}  // namespace bp
