// Activations in 16 bits, which devices with tensor units want, in the ops that a step is made of.
#include "cases.h"

namespace bp::conformance {
namespace {

// A result rounded to `dtype`, and what comes of rounding inside.
Tolerance rounded(DType dtype, double n = 2) { return {n * epsilon(dtype) / 8, n * epsilon(dtype), 0}; }

Case with(const std::string& op, DType dtype, const std::function<void(Problem&, DType)>& make) {
  return {"half_" + op + "_" + std::string(dtype_name(dtype)), [=](Problem& p) {
            make(p, dtype);
            if (p.runs.empty()) p.runs = runs_over("n");
          }};
}

std::vector<Extent> rows(Problem& p, int64_t columns) { return {p.symbol("n", 257), Problem::fixed(columns)}; }

Case product(DType x_dtype, DType w_dtype) {
  return with("matmul_" + std::string(dtype_name(w_dtype)), x_dtype, [=](Problem& p, DType dtype) {
    constexpr int64_t k = 256;
    const ValueId x = p.activation("x", rows(p, k), 1, dtype);
    p.output(p.builder().matmul(x, p.weight("w", w_dtype, {97, k}, 0.1f)));
    p.tolerance = dot(w_dtype == DType::kF32 ? dtype : w_dtype, k, 0.1);
    p.tolerance.relative = 2 * epsilon(dtype);
  });
}

void norm(Problem& p, DType dtype) {
  p.output(p.builder().rms_norm(p.activation("x", rows(p, 576), 1, dtype), p.weight("w", dtype, {576}), 1e-5));
  p.tolerance = rounded(dtype);
}

void sum(Problem& p, DType dtype) {
  p.output(p.builder().add(p.activation("a", rows(p, 97), 1, dtype), p.activation("b", rows(p, 97), 1, dtype)));
  p.tolerance = rounded(dtype);
}

void gated(Problem& p, DType dtype) {
  GraphBuilder& b = p.builder();
  p.output(b.mul(b.silu(p.activation("gate", rows(p, 97), 3, dtype)), p.activation("up", rows(p, 97), 1, dtype)));
  p.tolerance = rounded(dtype, 3);
  p.tolerance.spread = epsilon(dtype);
}

void rotated(Problem& p, DType dtype) {
  const Extent n = p.symbol("n", 257);
  const ValueId x = p.activation("x", {n, Problem::fixed(3), Problem::fixed(64)}, 1, dtype);
  const ValueId positions = p.param("positions", DType::kI32, {n}, [](const Sizes& sizes) {
    std::vector<int32_t> out;
    for (int64_t i = 0; i < sizes.at("n"); ++i) out.push_back(static_cast<int32_t>(i * 37));
    return bytes_of(out);
  });
  const ValueId freqs = p.param("freqs", DType::kF32, {Problem::fixed(32)}, [](const Sizes&) {
    std::vector<float> out;
    for (int i = 0; i < 32; ++i) out.push_back(1.0f / static_cast<float>(1 + i * i));
    return bytes_of(out);
  });
  p.output(p.builder().op("rope", {x, positions, freqs}, {{"n_rot", int64_t{64}}}));
  p.tolerance = rounded(dtype);
}

void written(Problem& p, DType dtype) {
  const Extent n = p.symbol("n", 257);
  const ValueId cache = p.kv("cache", dtype, {20, 2, 16, 64});
  const ValueId x = p.activation("x", {n, Problem::fixed(2), Problem::fixed(64)}, 1, dtype);
  const ValueId slots = p.param("slots", DType::kI32, {n}, [](const Sizes& sizes) {
    std::vector<int32_t> out;
    for (int64_t i = 0; i < sizes.at("n"); ++i)
      out.push_back(i % 7 == 3 ? -1 : static_cast<int32_t>((i * 99 + 5) % 320));
    return bytes_of(out);
  });
  p.output(p.builder().op("kv_write", {cache, x, slots}));
  p.tolerance = exact();
}

void looked_up(Problem& p, DType dtype) {
  const ValueId table = p.weight("table", DType::kQ8_0, {50, 96});
  const ValueId ids = p.param("rows", DType::kI32, {p.symbol("n", 257)}, [](const Sizes& sizes) {
    std::vector<int32_t> out;
    for (int64_t i = 0; i < sizes.at("n"); ++i) out.push_back(static_cast<int32_t>(i * 37 % 52 - 1));
    return bytes_of(out);
  });
  p.output(p.builder().op("gather_rows", {table, ids}, {{"dtype", static_cast<int64_t>(dtype)}}));
  p.tolerance = rounded(dtype, 1);
}

// One sequence of n tokens, all of them new.
void attention(Problem& p, DType dtype) {
  const Extent n = p.symbol("n", 257);
  const auto fixed = [](int64_t size) { return Problem::fixed(size); };
  const ValueId q = p.activation("q", {n, fixed(4), fixed(64)}, 1, dtype);
  const ValueId k = p.kv("k", dtype, {20, 2, 16, 64});
  const ValueId v = p.kv("v", dtype, {20, 2, 16, 64});
  const ValueId pages = p.param("page_table", DType::kI32, {fixed(1), fixed(20)}, [](const Sizes&) {
    std::vector<int32_t> out;
    for (int32_t i = 0; i < 20; ++i) out.push_back(i * 7 % 20);
    return bytes_of(out);
  });
  const auto ends = [](const Sizes& sizes) {
    return bytes_of(std::vector<int32_t>{0, static_cast<int32_t>(sizes.at("n"))});
  };
  const auto length = [](const Sizes& sizes) {
    return bytes_of(std::vector<int32_t>{static_cast<int32_t>(sizes.at("n"))});
  };
  p.output(p.builder().op("attention",
                          {q, k, v, pages, p.param("seq_start", DType::kI32, {fixed(2)}, ends),
                           p.param("seq_len", DType::kI32, {fixed(1)}, length)},
                          {{"scale", 0.125}}));
  p.tolerance = attended(dtype);
}

}  // namespace

Cases half_cases() {
  Cases cases;
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    for (const DType w : {dtype, DType::kQ8_0, DType::kQ4_0}) cases.push_back(product(dtype, w));
    cases.push_back(with("rms_norm", dtype, norm));
    cases.push_back(with("add", dtype, sum));
    cases.push_back(with("silu_mul", dtype, gated));
    cases.push_back(with("rope", dtype, rotated));
    cases.push_back(with("kv_write", dtype, written));
    cases.push_back(with("gather_rows", dtype, looked_up));
    cases.push_back(with("attention", dtype, attention));
  }
  return cases;
}

}  // namespace bp::conformance
