#include "cases.h"

namespace bp::conformance {
namespace {

// What a sequence asks for, by its index.
struct How {
  float temperature;
  int32_t top_k;
  float top_p, min_p;
};
constexpr How kHow[] = {
    {0, 0, 1, 0},       {1, 0, 1, 0},           {0.7f, 40, 1, 0}, {1, 0, 0.9f, 0},     {1.5f, 0, 1, 0.1f},
    {0.8f, 5, 0.5f, 0}, {2, 100, 0.95f, 0.02f}, {1, 1, 1, 0},     {-1, 3, 0.2f, 0.5f}, {0.01f, 0, 0.99f, 0},
};

template <class T, class F>
Problem::Fill each(F f) {
  return [f](const Sizes& sizes) {
    std::vector<T> out;
    for (int64_t i = 0; i < sizes.at("s"); ++i) out.push_back(static_cast<T>(f(i)));
    return bytes_of(out);
  };
}

const How& how(int64_t i) { return kHow[static_cast<size_t>(i) % std::size(kHow)]; }

Case sample(int64_t vocab) {
  return {"sample_" + std::to_string(vocab), [=](Problem& p) {
            const Extent s = p.symbol("s", 257);
            std::vector<ValueId> in = {p.activation("logits", {s, Problem::fixed(vocab)}, 3)};
            in.push_back(
                p.param("temperature", DType::kF32, {s}, each<float>([](int64_t i) { return how(i).temperature; })));
            in.push_back(p.param("top_k", DType::kI32, {s}, each<int32_t>([](int64_t i) { return how(i).top_k; })));
            in.push_back(p.param("top_p", DType::kF32, {s}, each<float>([](int64_t i) { return how(i).top_p; })));
            in.push_back(p.param("min_p", DType::kF32, {s}, each<float>([](int64_t i) { return how(i).min_p; })));
            in.push_back(p.param("seed", DType::kI64, {s}, each<int64_t>([](int64_t i) { return i * 977 - 3; })));
            in.push_back(p.param("position", DType::kI32, {s}, each<int32_t>([](int64_t i) { return i * 5; })));
            p.output(p.builder().op("sample", in));
            p.tolerance = exact();
            p.runs = runs_over("s");
          }};
}

}  // namespace

Cases sample_cases() { return {sample(1), sample(33), sample(1000)}; }

}  // namespace bp::conformance
