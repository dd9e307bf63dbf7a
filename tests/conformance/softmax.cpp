#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

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
            p.tolerance = op == "softmax" ? Problem::Tolerance{1e-7, 1e-5} : Problem::Tolerance{0, 0};
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
  return cases;
}

}  // namespace bp::conformance
