#include "cases.h"

namespace bp::conformance {
namespace {

constexpr float kSpread = 0.1f;  // of the weights
constexpr int64_t kMatrices = 5;

int64_t whole_blocks(DType dtype, int64_t k) {
  const int64_t block = dtype_info(dtype).block_elements;
  return (k + block - 1) / block * block;
}

// Matrices in no order, some not there.
Bytes choices(int64_t count) {
  std::vector<int32_t> chosen;
  for (int64_t i = 0; i < count; ++i)
    chosen.push_back(static_cast<int32_t>((i * i * 7 + i / 3) % (kMatrices + 1) - i % 11 / 10 * 9));
  return bytes_of(chosen);
}

enum class Shape { kOfToken, kOfSlot, kOneSlot };

// x [T, K] or [T, k, K] with idx [T, k], or idx [T].
Case indexed(DType dtype, Shape shape, bool gated) {
  const char* suffix = shape == Shape::kOfToken ? "token" : shape == Shape::kOfSlot ? "slot" : "one";
  return {std::string("matmul_indexed_") + (gated ? "silu_mul_" : "") + suffix + "_" + std::string(dtype_name(dtype)),
          [=](Problem& p) {
            GraphBuilder& b = p.builder();
            constexpr int64_t kSlots = 3;
            const int64_t n = shape == Shape::kOfSlot ? 48 : 35;
            const int64_t k = whole_blocks(dtype, 96);
            const Extent t = p.symbol("t", 257);
            const auto fixed = [](int64_t size) { return Problem::fixed(size); };
            const ValueId x = shape == Shape::kOfSlot ? p.activation("x", {t, fixed(kSlots), fixed(k)})
                                                      : p.activation("x", {t, fixed(k)});
            const int64_t slots = shape == Shape::kOneSlot ? 1 : kSlots;
            const std::vector<Extent> dims =
                shape == Shape::kOneSlot ? std::vector<Extent>{t} : std::vector<Extent>{t, fixed(kSlots)};
            const ValueId idx =
                p.param("idx", DType::kI32, dims, [=](const Sizes& sizes) { return choices(sizes.at("t") * slots); });
            const auto product = [&](const char* name) {
              return b.op("matmul_indexed", {x, p.weight(name, dtype, {kMatrices, n, k}, kSpread), idx});
            };
            const ValueId y = product("w");
            p.output(gated ? b.mul(b.silu(y), product("up")) : y);
            p.tolerance = gated ? gated_dot(dtype, k, kSpread) : dot(dtype, k, kSpread);
            p.runs = runs_over("t");
          }};
}

// Rows in front of the first offset, matrices without rows, and rows past the last offset.
Case grouped(DType dtype) {
  return {"matmul_grouped_" + std::string(dtype_name(dtype)), [=](Problem& p) {
            const int64_t k = whole_blocks(dtype, 96);
            const ValueId x = p.activation("x", {p.symbol("r", 257), Problem::fixed(k)});
            const ValueId offsets =
                p.param("offsets", DType::kI32, {Problem::fixed(kMatrices + 1)}, [](const Sizes& sizes) {
                  const auto r = static_cast<int32_t>(sizes.at("r"));
                  return bytes_of(std::vector<int32_t>{r / 16, r / 16, r / 3, r / 3, r / 2 + r / 8, r - r / 8});
                });
            p.output(p.builder().op("matmul_grouped", {x, p.weight("w", dtype, {kMatrices, 35, k}, kSpread), offsets}));
            p.tolerance = dot(dtype, k, kSpread);
            p.runs = runs_over("r");
          }};
}

Case batched(DType dtype, int64_t least_k) {
  return {"matmul_batched_" + std::string(dtype_name(dtype)) + "_" + std::to_string(least_k), [=](Problem& p) {
            const int64_t k = whole_blocks(dtype, least_k);
            const ValueId x = p.activation("x", {p.symbol("t", 257), Problem::fixed(kMatrices), Problem::fixed(k)});
            p.output(p.builder().op("matmul_batched", {x, p.weight("w", dtype, {kMatrices, 33, k}, kSpread)}));
            p.tolerance = dot(dtype, k, kSpread);
            p.runs = runs_over("t");
          }};
}

}  // namespace

Cases matmul_stack_cases() {
  Cases cases;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,
                            DType::kQ5_0, DType::kQ5_1, DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K,
                            DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4}) {
    cases.push_back(indexed(dtype, Shape::kOfToken, false));
    cases.push_back(indexed(dtype, Shape::kOfSlot, false));
    cases.push_back(indexed(dtype, Shape::kOfToken, true));
  }
  cases.push_back(indexed(DType::kF32, Shape::kOneSlot, false));
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ4_K}) cases.push_back(grouped(dtype));
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    cases.push_back(batched(dtype, 64));
    if (!is_block(dtype)) cases.push_back(batched(dtype, 37));
  }
  return cases;
}

}  // namespace bp::conformance
