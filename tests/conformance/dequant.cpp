#include <algorithm>

#include "cases.h"

namespace bp::conformance {
namespace {

// Weights whose scales, zeros and order of columns are operands of their own, as checkpoints of fp8, AWQ and GPTQ have.
struct Weight {
  std::string name;
  DType w, scales;
  int64_t block_n, block_k;
  bool zeros = false, perm = false;
  float size = 0.1f;  // of the scales, so that values are near 0.1
};

std::vector<Weight> weights() {
  return {
      {"fp8_blocks", DType::kFp8E4M3, DType::kF32, 128, 128, false, false, 0.1f},
      {"fp8_odd_blocks", DType::kFp8E4M3, DType::kBF16, 24, 40, false, false, 0.1f},
      {"fp8_rows", DType::kFp8E4M3, DType::kF32, 1, 288, false, false, 0.1f},
      {"fp8_tensor", DType::kFp8E5M2, DType::kF32, 1000, 1000, false, false, 0.1f},
      {"u4_plain", DType::kU4, DType::kF16, 1, 32, false, false, 0.01f},
      {"u4_awq", DType::kU4, DType::kF16, 1, 96, true, false, 0.01f},
      {"u4_gptq", DType::kU4, DType::kBF16, 1, 32, true, true, 0.01f},
      {"u4_one_group", DType::kU4, DType::kF32, 1, 288, true, true, 0.01f},
      {"u8_gptq", DType::kU8, DType::kF16, 1, 32, true, true, 0.001f},
      {"i8_rows", DType::kI8, DType::kF32, 1, 288, false, false, 0.001f},
  };
}

constexpr int64_t kK = 288;
constexpr double kSize = 0.1;  // of the values

ValueId dequant(Problem& p, const Weight& w, int64_t n, int64_t k) {
  const int64_t scale_rows = (n + w.block_n - 1) / w.block_n;
  const int64_t scale_columns = (k + w.block_k - 1) / w.block_k;
  const bool fp8 = w.w == DType::kFp8E4M3 || w.w == DType::kFp8E5M2;
  std::vector<ValueId> operands = {fp8 ? p.weight("w", w.w, {n, k}) : p.any_bits("w", w.w, {n, k}),
                                   p.weight("scales", w.scales, {scale_rows, scale_columns}, w.size)};
  if (w.zeros || w.perm) operands.push_back(kNone);
  if (w.zeros) {
    Bytes zeros;
    for (int64_t i = 0; i < scale_rows * scale_columns; ++i)
      zeros.push_back(static_cast<std::byte>(w.w == DType::kU4 ? i * 7 % 17 : i * 31 % 256));
    operands.back() = p.weight("zeros", DType::kU8, {scale_rows, scale_columns}, zeros);
  }
  if (w.perm) {
    std::vector<int32_t> perm(static_cast<size_t>(k));
    for (int64_t i = 0; i < k; ++i) perm[static_cast<size_t>(i)] = static_cast<int32_t>(i * 35 % k);
    perm[0] = -1;  // a column of zeros
    perm[1] = perm[2];
    operands.push_back(p.weight("perm", DType::kI32, {k}, bytes_of(perm)));
  }
  return p.builder().op("dequant", operands,
                        {{"block_n", std::min(w.block_n, n)}, {"block_k", std::min(w.block_k, k)}});
}

Case alone(const Weight& w) {
  return {"dequant_" + w.name, [=](Problem& p) {
            p.output(dequant(p, w, 37, kK));
            p.tolerance = exact();
            p.runs = {{}};
          }};
}

Case fused(const Weight& w, int64_t n, int64_t k) {
  return {"matmul_dequant_" + w.name + "_" + std::to_string(n), [=](Problem& p) {
            const ValueId x = p.activation("x", {p.symbol("t", 257), Problem::fixed(k)});
            p.output(p.builder().matmul(x, dequant(p, w, n, k)));
            p.tolerance = dot(w.w, k, kSize);
            p.runs = runs_over("t");
          }};
}

// A stack of matrices whose rows are one after another.
Case experts(const Weight& w) {
  return {"matmul_indexed_dequant_" + w.name, [=](Problem& p) {
            GraphBuilder& b = p.builder();
            constexpr int64_t kExperts = 4, n = 48, kSlots = 2;
            const Extent t = p.symbol("t", 257);
            const ValueId x = p.activation("x", {t, Problem::fixed(kK)});
            const ValueId idx = p.param("idx", DType::kI32, {t, Problem::fixed(kSlots)}, [](const Sizes& sizes) {
              std::vector<int32_t> chosen;
              for (int64_t i = 0; i < sizes.at("t") * kSlots; ++i)
                chosen.push_back(static_cast<int32_t>(i * 5 % (kExperts + 1)));
              return bytes_of(chosen);
            });
            const ValueId stack = b.reshape(dequant(p, w, kExperts * n, kK),
                                            {Problem::fixed(kExperts), Problem::fixed(n), Problem::fixed(kK)});
            p.output(b.op("matmul_indexed", {x, stack, idx}));
            p.tolerance = dot(w.w, kK, kSize);
            p.runs = runs_over("t");
          }};
}

}  // namespace

Cases dequant_cases() {
  Cases cases;
  for (const Weight& w : weights()) {
    cases.push_back(alone(w));
    cases.push_back(fused(w, 160, kK));
    cases.push_back(fused(w, 33, kK));
    cases.push_back(experts(w));
  }
  cases.push_back(fused(weights()[0], 1, 35));
  cases.push_back(fused(weights()[8], 17, 32));
  return cases;
}

}  // namespace bp::conformance
