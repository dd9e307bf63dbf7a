// Random functions: whatever the passes, fused kernels and the planner make of them, the bits are those of the ops
// called one by one.
#include <backplane/backplane.h>
#include <gtest/gtest.h>

#include <random>

namespace bp::api {
namespace {

constexpr int64_t kWidth = 16;

// A function of one tensor [n, kWidth]: `n_ops` ops, each on random earlier values, and some of the values as results.
// The same seed makes the same function.
class RandomFunction {
 public:
  RandomFunction(const Session& session, unsigned seed) : seed_(seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto values = [&](int64_t n) {
      std::vector<float> out(static_cast<size_t>(n));
      for (float& value : out) value = 0.3f * normal(random);
      return out;
    };
    for (int i = 0; i < 3; ++i) {
      matrices_.push_back(session.weight(values(kWidth * kWidth), {kWidth, kWidth}));
      vectors_.push_back(session.weight(values(kWidth), {kWidth}));
    }
  }

  std::vector<Tensor> operator()(std::span<const Tensor> inputs) const {
    std::mt19937 random(seed_);
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    std::vector<Tensor> known(inputs.begin(), inputs.end());
    for (int i = 0; i < 14; ++i) {
      // Recent values more often, so that there are chains.
      const Tensor a = known[known.size() - 1 - below(std::min<size_t>(known.size(), 3))];
      const Tensor b = known[below(known.size())];
      const Tensor& w = matrices_[below(matrices_.size())];
      const Tensor& v = vectors_[below(vectors_.size())];
      known.push_back(apply(below(15), a, b, w, v));
    }
    return {known.back(), known[below(known.size())], known[below(known.size())]};
  }

 private:
  static Tensor apply(size_t which, const Tensor& a, const Tensor& b, const Tensor& w, const Tensor& v) {
    switch (which) {
      case 0:
        return a + b;
      case 1:
        return clamp(a * b, -4, 4);
      case 2:
        return rms_norm(a + b, v);
      case 3:
        return layer_norm(a, v, v);
      case 4:
        return matmul(a, w);
      case 5:
        return matmul(a, w) + v;
      case 6:
        return gelu(matmul(a, w) + v);
      case 7:
        return matmul(a, w) + b;
      case 8:
        return silu(matmul(a, w)) * matmul(a, w * 1);
      case 9:
        return softmax(a);
      case 10:
        return reshape(tanh(reshape(a, {a.dim(0), 4, 4})), {a.dim(0), kWidth});
      case 11:
        return slice(concat({a, b}, 1), 1, kWidth / 2, kWidth);
      case 12:
        return reshape(reshape(a, {-1}) * 0.5, {-1, kWidth}) - b;
      case 13:
        return silu(a) * b;
      default:
        return a * reduce_mean(b, true) + 0.25;
    }
  }

  unsigned seed_;
  std::vector<Tensor> matrices_, vectors_;
};

class RandomProgram : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Device, RandomProgram, testing::Values("reference", "cpu:0"), [](const auto& entry) {
  return std::string(entry.param) == "reference" ? "reference" : "cpu";
});

TEST_P(RandomProgram, EagerAndCompiledGiveTheSameBits) {
  const Session session({.device = GetParam(), .op_fallback = Fallback::kAllow});
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const RandomFunction function(session, seed);
    const Program program = compile(function, {{{dyn("n", 40), kWidth}}, {{dyn("n"), kWidth}}}, {.session = session});
    for (const int64_t n : {1, 3, 33}) {
      std::vector<float> values(static_cast<size_t>(n * kWidth));
      std::vector<Tensor> inputs;
      for (int i = 0; i < 2; ++i) {
        for (float& value : values) value = normal(random);
        inputs.push_back(session.tensor(values, {n, kWidth}));
      }
      const auto compiled = program.run(inputs);
      const auto called = function(inputs);
      for (size_t i = 0; i < called.size(); ++i) {
        ASSERT_EQ(compiled[i].to_bytes(), called[i].to_bytes())
            << "seed " << seed << ", result " << i << " of " << n << " rows\n"
            << program.explain();
      }
    }
  }
}

}  // namespace
}  // namespace bp::api
