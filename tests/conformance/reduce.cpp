#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

// Of up to 257 numbers below 8, in whatever order.
constexpr Tolerance kSum = {2048 * 0x1p-23, 64 * 0x1p-23, 0};

// Normal values; with `special`, a NaN, infinities, equal largest ones and rows of -inf.
Problem::Fill rows(int64_t columns, bool special) {
  return [=](const Sizes& sizes) {
    std::vector<float> x(static_cast<size_t>(sizes.at("n") * columns));
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>(static_cast<int64_t>(i * 7919 % 1013) - 500) * 0.013f;
      if (special && i % 5 == 0) x[i] = -INFINITY;
      if (special && i % 11 == 3) x[i] = 9.0f;
      if (special && static_cast<int64_t>(i) / columns == 2) x[i] = -INFINITY;
    }
    return bytes_of(x);
  };
}

Case reduce(const std::string& op, int64_t columns, bool special, int64_t keep) {
  const std::string name = op + "_" + std::to_string(columns) + (special ? "_special" : "") + (keep ? "_keep" : "");
  return {name, [=](Problem& p) {
            const std::vector<Extent> dims = {p.symbol("n", 257), Problem::fixed(columns)};
            p.output(p.builder().op(op, {p.param("x", DType::kF32, dims, rows(columns, special))}, {{"keep", keep}}));
            p.tolerance = op == "reduce_max" ? exact() : kSum;
            p.runs = runs_over("n");
          }};
}

Case log_softmax(int64_t columns) {
  return {"log_softmax_" + std::to_string(columns), [=](Problem& p) {
            const std::vector<Extent> dims = {p.symbol("n", 257), Problem::fixed(columns)};
            p.output(p.builder().op("log_softmax", {p.param("x", DType::kF32, dims, rows(columns, false))}));
            p.tolerance = ulps(64);
            p.runs = runs_over("n");
          }};
}

Case cumsum(DType dtype, int64_t columns) {
  return {"cumsum_" + std::string(dtype_name(dtype)) + "_" + std::to_string(columns), [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            const auto fill = [=](const Sizes& sizes) -> Bytes {
              if (dtype == DType::kF32) return rows(columns, false)(sizes);
              std::vector<int32_t> narrow;
              std::vector<int64_t> wide;
              for (int64_t i = 0; i < sizes.at("n") * columns; ++i) {
                narrow.push_back(static_cast<int32_t>(i * 7919 % 101 * 40000000));
                wide.push_back(i * 7919 % 101 - 50);
              }
              return dtype == DType::kI32 ? bytes_of(narrow) : bytes_of(wide);
            };
            p.output(p.builder().op("cumsum", {p.param("x", dtype, {n, Problem::fixed(columns)}, fill)}));
            p.tolerance = dtype == DType::kF32 ? kSum : exact();
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases reduce_cases() {
  Cases cases;
  for (const std::string op : {"reduce_sum", "reduce_mean", "reduce_max"}) {
    for (const int64_t columns : {1, 3, 31, 33, 257}) cases.push_back(reduce(op, columns, false, columns % 2));
    cases.push_back(reduce(op, 64, false, 0));
  }
  cases.push_back(reduce("reduce_max", 100, true, 0));
  for (const int64_t columns : {1, 7, 33, 257}) cases.push_back(log_softmax(columns));
  for (const DType dtype : {DType::kF32, DType::kI32, DType::kI64}) {
    for (const int64_t columns : {1, 33}) cases.push_back(cumsum(dtype, columns));
  }
  return cases;
}

}  // namespace bp::conformance
