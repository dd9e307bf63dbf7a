#include <algorithm>
#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

struct Shape {
  DType dtype = DType::kF32;
  int64_t heads = 4, kv_heads = 2, head_dim = 64, v_row = 64, page = 16;
  double softcap = 0;
  int64_t window = 0, causal = 1, v_dim = 0;
  bool mask = false, sinks = false, alibi = false;
  std::vector<size_t> batches = {};  // empty: all
};

// How many tokens and keys each sequence of a run has.
struct Sequence {
  int64_t n_tokens, n_keys;
};
using Batch = std::vector<Sequence>;

const std::vector<Batch>& batches() {
  static const std::vector<Batch> all = {
      {},
      {{1, 1}},
      {{3, 3}},
      {{31, 31}, {1, 33}},
      {{1, 257}, {33, 257}, {0, 5}, {2, 64}},
      {{130, 130}, {1, 65}},
      {{1, 1100}, {7, 1030}},
      {{257, 600}},
      {{1, 1100}, {2, 63}},
      {{1, 15}, {1, 16}, {1, 17}, {2, 33}, {3, 31}},
      {{1, 513}, {2, 512}, {1, 1025}},
  };
  return all;
}

constexpr int64_t kMaxTokens = 300;
constexpr int64_t kMaxSeqs = 5;
constexpr int64_t kMaxKeys = 1120;

// Which batch a run is about travels in the sizes as the symbol "batch", which the graph does not know.
const Batch& batch_of(const Sizes& sizes) { return batches()[static_cast<size_t>(sizes.at("batch"))]; }

Bytes page_table(const Sizes& sizes, int64_t page) {
  const int64_t max_pages = kMaxKeys / page;
  std::vector<int32_t> table;
  const auto n_seqs = static_cast<int64_t>(batch_of(sizes).size());
  for (int64_t s = 0; s < n_seqs; ++s) {
    for (int64_t i = 0; i < max_pages; ++i) {
      const bool used = i * page < batch_of(sizes)[static_cast<size_t>(s)].n_keys;
      const bool hole = s == 2 && i == 3;  // a page that was given back
      table.push_back(used && !hole ? static_cast<int32_t>((s * max_pages + i) * 7 % (kMaxSeqs * max_pages)) : -1);
    }
  }
  return bytes_of(table);
}

Bytes seq_start(const Sizes& sizes) {
  std::vector<int32_t> out = {0};
  for (const Sequence& s : batch_of(sizes)) out.push_back(out.back() + static_cast<int32_t>(s.n_tokens));
  return bytes_of(out);
}

Bytes seq_len(const Sizes& sizes) {
  std::vector<int32_t> out;
  for (const Sequence& s : batch_of(sizes)) out.push_back(static_cast<int32_t>(s.n_keys));
  return bytes_of(out);
}

Bytes mask(const Sizes& sizes) {
  std::vector<float> out;
  for (int64_t i = 0; i < sizes.at("t") * sizes.at("c"); ++i)
    out.push_back(i % 5 == 1 ? -INFINITY : static_cast<float>(i % 13) * 0.1f);
  return bytes_of(out);
}

Problem::Fill per_head(int64_t heads, float scale) {
  return [=](const Sizes&) {
    std::vector<float> out;
    for (int64_t h = 0; h < heads; ++h) out.push_back(scale * static_cast<float>(h + 1) / static_cast<float>(heads));
    return bytes_of(out);
  };
}

void make(Problem& p, const Shape& s) {
  const Extent t = p.symbol("t", kMaxTokens);
  const Extent n_seqs = p.symbol("s", kMaxSeqs);
  const Extent n_seqs_1 = p.symbol_plus_one("s_1", "s");
  const int64_t pages = kMaxKeys / s.page;
  const auto table = [=](const Sizes& sizes) { return page_table(sizes, s.page); };
  const ValueId q = p.activation("q", {t, Problem::fixed(s.heads), Problem::fixed(s.head_dim)});
  const ValueId k = p.kv("k", s.dtype, {kMaxSeqs * pages, s.kv_heads, s.page, s.head_dim});
  const ValueId v = s.v_dim > 0 ? k : p.kv("v", s.dtype, {kMaxSeqs * pages, s.kv_heads, s.page, s.v_row});
  std::vector<ValueId> in = {q,
                             k,
                             v,
                             p.param("page_table", DType::kI32, {n_seqs, Problem::fixed(pages)}, table),
                             p.param("seq_start", DType::kI32, {n_seqs_1}, seq_start),
                             p.param("seq_len", DType::kI32, {n_seqs}, seq_len)};
  const Extent heads = Problem::fixed(s.heads);
  in.push_back(s.mask ? p.param("mask", DType::kF32, {t, p.symbol("c", 200)}, mask) : kNone);
  in.push_back(s.sinks ? p.param("sinks", DType::kF32, {heads}, per_head(s.heads, 2)) : kNone);
  in.push_back(s.alibi ? p.param("alibi", DType::kF32, {heads}, per_head(s.heads, 0.2f)) : kNone);
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.head_dim));
  p.output(p.builder().op(
      "attention", in,
      {{"scale", scale}, {"softcap", s.softcap}, {"window", s.window}, {"causal", s.causal}, {"v_dim", s.v_dim}}));
  p.tolerance = attended(s.dtype);
  for (size_t i = 0; i < batches().size(); ++i) {
    if (!s.batches.empty() && std::ranges::find(s.batches, i) == s.batches.end()) continue;
    int64_t tokens = 2;  // rows of no sequence
    for (const Sequence& seq : batches()[i]) tokens += seq.n_tokens;
    p.runs.push_back({{"t", tokens},
                      {"s", static_cast<int64_t>(batches()[i].size())},
                      {"c", 150},
                      {"batch", static_cast<int64_t>(i)}});
  }
}

Case attention(const std::string& suffix, const Shape& shape) {
  return {"attention_" + suffix, [=](Problem& p) { make(p, shape); }};
}

}  // namespace

Cases attention_cases() {
  return {
      attention("f32", {}),
      attention("f16", {.dtype = DType::kF16, .heads = 9, .kv_heads = 3}),
      attention("bf16", {.dtype = DType::kBF16, .heads = 8, .kv_heads = 1, .page = 32}),
      attention("mha_dim128", {.dtype = DType::kF16, .heads = 2, .kv_heads = 2, .head_dim = 128, .v_row = 128}),
      attention("dim40", {.dtype = DType::kF16, .head_dim = 40, .v_row = 24}),
      attention("dim13", {.dtype = DType::kBF16, .heads = 3, .kv_heads = 1, .head_dim = 13, .v_row = 7}),
      attention("window", {.heads = 2, .window = 50}),
      attention("window_1", {.heads = 2, .window = 1}),
      attention("softcap", {.heads = 2, .softcap = 1.5}),
      attention("sinks", {.heads = 4, .sinks = true}),
      attention("alibi", {.heads = 4, .alibi = true}),
      attention("mask", {.heads = 2, .mask = true}),
      attention("not_causal", {.heads = 2, .causal = 0}),
      attention(
          "everything",
          {.dtype = DType::kF16, .heads = 6, .softcap = 3, .window = 70, .mask = true, .sinks = true, .alibi = true}),
      attention("pages_of_1", {.dtype = DType::kF16, .heads = 2, .page = 1, .batches = {1, 2, 3, 4, 8, 9}}),
      attention("pages_of_140", {.dtype = DType::kF16, .heads = 2, .page = 140}),
      attention("group_of_8", {.dtype = DType::kF16, .heads = 16, .kv_heads = 2, .batches = {1, 2, 3, 4, 9}}),
      attention("group_of_13", {.dtype = DType::kBF16, .heads = 13, .kv_heads = 1, .batches = {1, 2, 3, 4, 9}}),
      attention("dim256_softcap_window", {.dtype = DType::kF16,
                                          .heads = 4,
                                          .head_dim = 256,
                                          .v_row = 256,
                                          .softcap = 50,
                                          .window = 100,
                                          .batches = {2, 4, 8, 9}}),
      attention(
          "dim96_mha",
          {.dtype = DType::kBF16, .heads = 3, .kv_heads = 3, .head_dim = 96, .v_row = 96, .batches = {2, 4, 8, 9}}),
      attention("dim192_values128",
                {.dtype = DType::kF16, .heads = 2, .head_dim = 192, .v_row = 128, .batches = {1, 2, 4, 8}}),
      attention("sinks_window", {.dtype = DType::kBF16, .heads = 8, .kv_heads = 1, .window = 128, .sinks = true}),
      attention("alibi_not_causal", {.dtype = DType::kF16, .heads = 4, .causal = 0, .alibi = true}),
      attention("dim1", {.heads = 2, .head_dim = 1, .v_row = 1, .batches = {1, 2, 3, 4, 9}}),
      attention("latent_128_heads", {.dtype = DType::kBF16,
                                     .heads = 128,
                                     .kv_heads = 1,
                                     .head_dim = 576,
                                     .v_row = 576,
                                     .v_dim = 512,
                                     .batches = {2}}),
      attention("latent_16_heads", {.dtype = DType::kF16,
                                    .heads = 16,
                                    .kv_heads = 1,
                                    .head_dim = 576,
                                    .v_row = 576,
                                    .v_dim = 512,
                                    .batches = {3, 8, 9, 10}}),
      attention("latent", {.dtype = DType::kBF16, .heads = 5, .kv_heads = 1, .head_dim = 72, .v_row = 72, .v_dim = 64}),
  };
}

}  // namespace bp::conformance
