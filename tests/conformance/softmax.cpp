#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

// Exponentials of these overflow unless the largest is taken off first.
Case large(const std::string& op) {
  return {op + "_large", [=](Problem& p) {
            const auto fill = [](const Sizes& sizes) {
              std::vector<float> x;
              for (int64_t i = 0; i < sizes.at("n") * 50; ++i)
                x.push_back(static_cast<float>(i * 7919 % 1013) * 0.01f + (i / 50 % 2 == 0 ? 300.0f : -300.0f));
              return bytes_of(x);
            };
            p.output(p.builder().op(op, {p.param("x", DType::kF32, {p.symbol("n", 257), Problem::fixed(50)}, fill)}));
            p.tolerance = op == "softmax" ? ulps(64) : ulps(4);
            p.runs = runs_over("n");
          }};
}

// Rows of normal values; with `special`, some -inf, equal largest ones, and a row of -inf alone.
Problem::Fill rows(int64_t columns, bool special) {
  return [=](const Sizes& sizes) {
    const int64_t n = sizes.at("n");
    std::vector<float> x(static_cast<size_t>(n * columns));
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>(static_cast<int64_t>(i * 7919 % 1013) - 500) * 0.013f;
      if (special && i % 5 == 0) x[i] = -INFINITY;
      if (special && i % 11 == 3) x[i] = 9.0f;
      if (special && static_cast<int64_t>(i) / columns == 2) x[i] = -INFINITY;
    }
    return bytes_of(x);
  };
}

Case reduce(const std::string& op, int64_t columns, bool special) {
  return {op + "_" + std::to_string(columns) + (special ? "_special" : ""), [=](Problem& p) {
            const ValueId x =
                p.param("x", DType::kF32, {p.symbol("n", 257), Problem::fixed(columns)}, rows(columns, special));
            p.output(p.builder().op(op, {x}));
            p.tolerance = op == "softmax" ? Tolerance{0x1p-23, 64 * 0x1p-23} : exact();
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases softmax_cases() {
  Cases cases;
  for (const std::string op : {"softmax", "argmax"}) {
    for (const int64_t columns : {1, 7, 33, 257, 1000}) cases.push_back(reduce(op, columns, false));
    cases.push_back(reduce(op, 100, true));
  }
  for (const char* op : {"softmax", "log_softmax"}) cases.push_back(large(op));
  return cases;
}

}  // namespace bp::conformance
