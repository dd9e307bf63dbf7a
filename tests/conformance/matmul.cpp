#include "cases.h"

namespace bp::conformance {
namespace {

constexpr float kSpread = 0.1f;  // of the weights

struct Dtype {
  std::string name;
  DType dtype;

  // k in whole blocks, at least one.
  int64_t whole(int64_t k) const {
    const int64_t block = dtype_info(dtype).block_elements;
    return (k + block - 1) / block * block;
  }
};

Case matmul(const Dtype& w, int64_t n, int64_t least_k, const char* suffix) {
  const int64_t k = w.whole(least_k);
  return {std::string("matmul_") + w.name + "_" + suffix, [=](Problem& p) {
            const ValueId x = p.activation("x", {p.symbol("t", 257), Problem::fixed(k)});
            p.output(p.builder().matmul(x, p.weight("w", w.dtype, {n, k}, kSpread)));
            p.tolerance = dot(w.dtype, k, kSpread);
            p.runs = runs_over("t");
          }};
}

// With a bias, onto a residual, or as the gated half of a feed-forward.
Case fused(const Dtype& w, const std::string& kind) {
  return {"matmul_" + kind + "_" + w.name, [=](Problem& p) {
            GraphBuilder& b = p.builder();
            constexpr int64_t n = 97;
            const int64_t k = w.whole(160);
            const Extent t = p.symbol("t", 257);
            const ValueId x = p.activation("x", {t, Problem::fixed(k)});
            const ValueId y = b.matmul(x, p.weight("w", w.dtype, {n, k}, kSpread));
            if (kind == "bias") p.output(b.add(y, p.weight("b", DType::kF32, {n})));
            if (kind.starts_with("bias_gelu"))
              p.output(b.gelu(b.add(p.weight("b", DType::kF32, {n}), y), kind == "bias_gelu_tanh"));
            if (kind == "add") p.output(b.add(p.activation("r", {t, Problem::fixed(n)}), y));
            if (kind == "silu_mul") p.output(b.mul(b.silu(y), b.matmul(x, p.weight("up", w.dtype, {n, k}, kSpread))));
            p.tolerance = kind == "silu_mul" ? gated_dot(w.dtype, k, kSpread) : dot(w.dtype, k, kSpread);
            p.runs = runs_over("t");
          }};
}

// A bucket of many rows alone: what a library may take.
Case many(const Dtype& w, const std::string& kind) {
  return {"matmul_many_" + kind + "_" + w.name, [=](Problem& p) {
            GraphBuilder& b = p.builder();
            constexpr int64_t n = 97;
            constexpr int64_t k = 160;
            const Extent t = p.symbol("t", 600, 64);
            const ValueId y =
                b.matmul(p.activation("x", {t, Problem::fixed(k)}), p.weight("w", w.dtype, {n, k}, kSpread));
            if (kind == "plain") p.output(y);
            if (kind == "bias") p.output(b.add(y, p.weight("b", DType::kF32, {n})));
            if (kind == "add") p.output(b.add(p.activation("r", {t, Problem::fixed(n)}), y));
            p.tolerance = dot(w.dtype, k, kSpread);
            p.runs = {{{"t", 64}}, {{"t", 65}}, {{"t", 257}}, {{"t", 600}}};
          }};
}

constexpr DType kBlockDtypes[] = {DType::kQ8_0,   DType::kQ4_0,   DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                                  DType::kQ2_K,   DType::kQ3_K,   DType::kQ4_K, DType::kQ5_K, DType::kQ6_K,
                                  DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4};

}  // namespace

Cases matmul_cases() {
  std::vector<Dtype> dtypes = {{"f32", DType::kF32}, {"f16", DType::kF16}, {"bf16", DType::kBF16}};
  for (const DType dtype : kBlockDtypes) dtypes.push_back({std::string(dtype_name(dtype)), dtype});
  Cases cases;
  for (const Dtype& w : dtypes) {
    cases.push_back(matmul(w, 64, 256, "even"));
    cases.push_back(matmul(w, 33, 96, "odd"));
    cases.push_back(matmul(w, 1, 32, "one"));
    cases.push_back(matmul(w, 257, 576, "wide"));
    for (const char* kind : {"bias", "bias_gelu", "bias_gelu_tanh", "add", "silu_mul"}) cases.push_back(fused(w, kind));
    if (!is_block(w.dtype)) cases.push_back(matmul(w, 31, 33, "ragged"));
  }
  for (const Dtype& w : {dtypes[0], dtypes[2]}) {
    for (const char* kind : {"plain", "bias", "add"}) cases.push_back(many(w, kind));
  }
  return cases;
}

}  // namespace bp::conformance
