#include <algorithm>
#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

constexpr int64_t kPages = 20;
constexpr int64_t kPage = 16;

// Each slot once at most, in no order; every seventh row is not written.
Bytes slots(const Sizes& sizes) {
  std::vector<int32_t> out;
  for (int64_t i = 0; i < sizes.at("n"); ++i) {
    out.push_back(i % 7 == 3 ? -1 : static_cast<int32_t>((i * 99 + 5) % (kPages * kPage)));
  }
  return bytes_of(out);
}

Case write(const std::string& suffix, DType dtype, int64_t heads, int64_t head_dim, bool rotated,
           int64_t variants = 0) {
  return {
      "kv_write_" + suffix, [=](Problem& p) {
        GraphBuilder& b = p.builder();
        const Extent n = p.symbol("n", 257);
        const ValueId cache = p.kv("cache", dtype, {kPages, heads, kPage, head_dim});
        ValueId x = p.activation("x", {n, Problem::fixed(heads), Problem::fixed(head_dim)});
        if (rotated) {
          const auto positions = [](const Sizes& sizes) {
            std::vector<int32_t> out;
            for (int64_t i = 0; i < sizes.at("n"); ++i) out.push_back(static_cast<int32_t>(i * 311));
            return bytes_of(out);
          };
          const auto choice = [](const Sizes& sizes) {
            std::vector<int32_t> out;
            for (int64_t i = 0; i < sizes.at("n"); ++i) out.push_back(static_cast<int32_t>(i % 4 - 1));
            return bytes_of(out);
          };
          const auto freqs = [=](const Sizes&) {
            std::vector<float> f;
            for (int64_t i = 0; i < head_dim / 2 * std::max<int64_t>(variants, 1); ++i) {
              f.push_back(std::pow(0.7f, static_cast<float>(i)));
            }
            return bytes_of(f);
          };
          const ValueId pos = p.param("positions", DType::kI32, {n}, positions);
          std::vector<Extent> dims = {Problem::fixed(head_dim / 2)};
          if (variants > 0) dims.insert(dims.begin(), Problem::fixed(variants));
          std::vector<ValueId> in = {x, pos, p.param("freqs", DType::kF32, dims, freqs)};
          if (variants > 0) in.push_back(p.param("variant", DType::kI32, {n}, choice));
          x = b.op("rope", in, {{"n_rot", head_dim}});
        }
        p.output(b.op("kv_write", {cache, x, p.param("slots", DType::kI32, {n}, slots)}));
        // A last bit of f32 may round to another 16-bit neighbour.
        p.tolerance = !rotated ? exact() : dtype == DType::kF32 ? ulps(64) : Tolerance{16 * 0x1p-23, epsilon(dtype)};
        p.runs = runs_over("n");
      }};
}

}  // namespace

Cases kv_write_cases() {
  return {
      write("f32", DType::kF32, 3, 24, false),
      write("f16", DType::kF16, 3, 64, false),
      write("bf16", DType::kBF16, 1, 33, false),
      write("rope_f32", DType::kF32, 2, 32, true),
      write("rope_f16", DType::kF16, 3, 64, true),
      write("rope_bf16", DType::kBF16, 2, 80, true),
      write("rope_variants", DType::kF32, 2, 32, true, 2),
  };
}

}  // namespace bp::conformance
