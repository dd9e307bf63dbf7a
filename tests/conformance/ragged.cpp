// attention over keys that lie one after another.
#include <algorithm>
#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

struct Shape {
  DType dtype = DType::kF32;
  int64_t heads = 4, kv_heads = 2, head_dim = 64, v_dim = 64;
  double softcap = 0;
  int64_t window = 0, causal = 1;
  bool mask = false, sinks = false, alibi = false;
};

struct Sequence {
  int64_t n_rows, n_keys;
};
using Batch = std::vector<Sequence>;

const std::vector<Batch>& batches() {
  static const std::vector<Batch> all = {
      {},
      {{1, 1}},
      {{3, 3}, {1, 5}},
      {{31, 31}, {0, 7}, {33, 33}},
      {{257, 257}, {2, 64}},
      {{1, 1100}},
      {{5, 0}, {12, 600}},
  };
  return all;
}

constexpr int64_t kMaxRows = 300;
constexpr int64_t kMaxKeys = 1200;

// Which batch a run is about travels in the sizes as the symbol "batch", which the graph does not know.
const Batch& batch_of(const Sizes& sizes) { return batches()[static_cast<size_t>(sizes.at("batch"))]; }

Problem::Fill starts(int64_t Sequence::* count) {
  return [=](const Sizes& sizes) {
    std::vector<int32_t> out = {0};
    for (const Sequence& s : batch_of(sizes)) out.push_back(out.back() + static_cast<int32_t>(s.*count));
    return bytes_of(out);
  };
}

Bytes mask(const Sizes& sizes) {
  std::vector<float> out;
  for (int64_t i = 0; i < sizes.at("t") * sizes.at("m"); ++i) {
    out.push_back(i % 7 == 1 ? -INFINITY : static_cast<float>(i % 11) * 0.1f);
  }
  return bytes_of(out);
}

Problem::Fill per_head(int64_t heads, float scale) {
  return [=](const Sizes&) {
    std::vector<float> out;
    for (int64_t h = 0; h < heads; ++h) out.push_back(scale * static_cast<float>(h + 1) / static_cast<float>(heads));
    return bytes_of(out);
  };
}

ValueId keys(Problem& p, const std::string& name, const Shape& s, int64_t width) {
  const std::vector<Extent> dims = {p.symbol("c", kMaxKeys), Problem::fixed(s.kv_heads), Problem::fixed(width)};
  if (s.dtype == DType::kF32) return p.activation(name, dims);
  const unsigned seed = name == "k" ? 11 : 12;
  return p.param(name, s.dtype, dims,
                 [=](const Sizes& sizes) { return random_bytes(s.dtype, sizes.at("c") * s.kv_heads, width, 1, seed); });
}

void make(Problem& p, const Shape& s) {
  const Extent t = p.symbol("t", kMaxRows);
  p.symbol("s", 5);
  const Extent s1 = p.symbol_plus_one("s1", "s");
  const Extent heads = Problem::fixed(s.heads);
  std::vector<ValueId> in = {p.activation("q", {t, heads, Problem::fixed(s.head_dim)}), keys(p, "k", s, s.head_dim),
                             keys(p, "v", s, s.v_dim), p.param("q_start", DType::kI32, {s1}, starts(&Sequence::n_rows)),
                             p.param("k_start", DType::kI32, {s1}, starts(&Sequence::n_keys))};
  in.push_back(s.mask ? p.param("mask", DType::kF32, {t, p.symbol("m", 200)}, mask) : kNone);
  in.push_back(s.sinks ? p.param("sinks", DType::kF32, {heads}, per_head(s.heads, 2)) : kNone);
  in.push_back(s.alibi ? p.param("alibi", DType::kF32, {heads}, per_head(s.heads, 0.2f)) : kNone);
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.head_dim));
  p.output(p.builder().op("attention_ragged", in,
                          {{"scale", scale}, {"softcap", s.softcap}, {"window", s.window}, {"causal", s.causal}}));
  p.tolerance = attended(s.dtype);
  for (size_t i = 0; i < batches().size(); ++i) {
    int64_t n_rows = 2;  // of no sequence
    int64_t n_keys = 0;
    for (const Sequence& seq : batches()[i]) {
      n_rows += seq.n_rows;
      n_keys += seq.n_keys;
    }
    p.runs.push_back({{"t", n_rows},
                      {"c", n_keys},
                      {"s", static_cast<int64_t>(batches()[i].size())},
                      {"m", 150},
                      {"batch", static_cast<int64_t>(i)}});
  }
}

Case ragged(const std::string& suffix, const Shape& shape) {
  return {"attention_ragged_" + suffix, [=](Problem& p) { make(p, shape); }};
}

}  // namespace

Cases ragged_cases() {
  return {
      ragged("f32", {}),
      ragged("bert", {.heads = 3, .kv_heads = 3, .head_dim = 32, .v_dim = 32, .causal = 0}),
      ragged("f16", {.dtype = DType::kF16, .heads = 9, .kv_heads = 3}),
      ragged("bf16_wide", {.dtype = DType::kBF16, .heads = 2, .head_dim = 192, .v_dim = 128}),
      ragged("odd", {.heads = 3, .kv_heads = 1, .head_dim = 13, .v_dim = 7}),
      ragged("window", {.heads = 2, .window = 50}),
      ragged("window_not_causal", {.heads = 2, .window = 50, .causal = 0}),
      ragged("alibi_not_causal", {.heads = 4, .causal = 0, .alibi = true}),
      ragged("everything", {.heads = 6, .softcap = 3, .window = 70, .mask = true, .sinks = true, .alibi = true}),
  };
}

}  // namespace bp::conformance
