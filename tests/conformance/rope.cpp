#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

struct Shape {
  int64_t heads, head_dim, n_rot, offset;
  int64_t mode = 0;
  double scale = 1;
  int64_t variants = 0;  // 0: freqs of rank 1
};

Bytes frequencies(const Shape& s) {
  std::vector<float> f;
  for (int64_t v = 0; v < std::max<int64_t>(s.variants, 1); ++v) {
    for (int64_t i = 0; i < s.n_rot / 2; ++i) {
      f.push_back(
          std::pow(10000.0f * static_cast<float>(v + 1), -2.0f * static_cast<float>(i) / static_cast<float>(s.n_rot)));
    }
  }
  return bytes_of(f);
}

// From 0 to the longest context, in no order.
Bytes positions(const Sizes& sizes) {
  std::vector<int32_t> p;
  for (int64_t i = 0; i < sizes.at("n"); ++i) p.push_back(static_cast<int32_t>(i * 50021 % 131072));
  return bytes_of(p);
}

Bytes variants(const Sizes& sizes) {
  std::vector<int32_t> v;
  for (int64_t i = 0; i < sizes.at("n"); ++i) v.push_back(static_cast<int32_t>(i % 4 - 1));
  return bytes_of(v);
}

Case rope(const std::string& suffix, const Shape& s) {
  return {"rope_" + suffix, [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            const ValueId x = p.activation("x", {n, Problem::fixed(s.heads), Problem::fixed(s.head_dim)});
            const ValueId pos = p.param("positions", DType::kI32, {n}, positions);
            std::vector<Extent> dims = {Problem::fixed(s.n_rot / 2)};
            if (s.variants > 0) dims.insert(dims.begin(), Problem::fixed(s.variants));
            const ValueId freqs = p.param("freqs", DType::kF32, dims, [=](const Sizes&) { return frequencies(s); });
            std::vector<ValueId> in = {x, pos, freqs};
            if (s.variants > 0) in.push_back(p.param("variant", DType::kI32, {n}, variants));
            p.output(p.builder().op("rope", in,
                                    {{"mode", s.mode}, {"n_rot", s.n_rot}, {"offset", s.offset}, {"scale", s.scale}}));
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases rope_cases() {
  return {
      rope("half", {.heads = 3, .head_dim = 64, .n_rot = 64, .offset = 0}),
      rope("interleaved", {.heads = 3, .head_dim = 64, .n_rot = 64, .offset = 0, .mode = 1}),
      rope("partial", {.heads = 2, .head_dim = 80, .n_rot = 32, .offset = 0}),
      rope("offset", {.heads = 2, .head_dim = 96, .n_rot = 26, .offset = 17, .mode = 1, .scale = 1.19}),
      rope("odd", {.heads = 1, .head_dim = 37, .n_rot = 22, .offset = 3, .scale = 0.7}),
      rope("variants", {.heads = 2, .head_dim = 64, .n_rot = 64, .offset = 0, .variants = 2}),
  };
}

}  // namespace bp::conformance
