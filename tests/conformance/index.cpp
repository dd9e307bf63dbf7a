#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

// Indices all over [0, n_values), and some outside.
Problem::Fill indices(int64_t columns, int64_t n_values) {
  return [=](const Sizes& sizes) {
    std::vector<int32_t> out;
    for (int64_t i = 0; i < sizes.at("n") * columns; ++i) {
      out.push_back(static_cast<int32_t>(i * 7919 % (n_values + 2) - 1));
    }
    return bytes_of(out);
  };
}

Problem::Fill counted(DType dtype, int64_t columns, int64_t salt) {
  return [=](const Sizes& sizes) -> Bytes {
    std::vector<float> floats;
    std::vector<int32_t> narrow;
    std::vector<int64_t> wide;
    for (int64_t i = 0; i < sizes.at("n") * columns; ++i) {
      const int64_t value = (i * 31 + salt) % 1009;
      floats.push_back(static_cast<float>(value) * 0.25f);
      narrow.push_back(static_cast<int32_t>(value));
      wide.push_back(value << 33);
    }
    return dtype == DType::kF32 ? bytes_of(floats) : dtype == DType::kI32 ? bytes_of(narrow) : bytes_of(wide);
  };
}

Case last(const std::string& op, DType dtype, int64_t columns, int64_t k) {
  return {op + "_" + std::string(dtype_name(dtype)) + "_" + std::to_string(columns), [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            const ValueId x = p.param("x", dtype, {n, Problem::fixed(columns)}, counted(dtype, columns, 1));
            const ValueId idx = p.param("idx", DType::kI32, {n, Problem::fixed(k)}, indices(k, columns));
            std::vector<ValueId> in = {x, idx};
            if (op == "scatter_last") in.push_back(p.param("src", dtype, {n, Problem::fixed(k)}, counted(dtype, k, 7)));
            p.output(p.builder().op(op, in));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

// Several sources for some rows, in order.
Case scatter_rows(int64_t row) {
  return {"scatter_rows_" + std::to_string(row), [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            const ValueId target = p.kv("target", DType::kF32, {40, row});
            const ValueId rows = p.param("rows", DType::kI32, {n}, indices(1, 40));
            p.output(p.builder().op("scatter_rows", {target, rows, p.activation("src", {n, Problem::fixed(row)})}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

// Many equal values, some NaN and infinities.
Problem::Fill ties(int64_t columns) {
  return [=](const Sizes& sizes) {
    std::vector<float> x;
    for (int64_t i = 0; i < sizes.at("n") * columns; ++i) {
      x.push_back(static_cast<float>(i * 7919 % 37) - 11.0f);
      if (i % 41 == 3) x.back() = NAN;
      if (i % 43 == 7) x.back() = -INFINITY;
      if (i % 97 == 5) x.back() = INFINITY;
    }
    return bytes_of(x);
  };
}

Case topk(int64_t columns, int64_t k, bool tied) {
  return {"topk_" + std::to_string(k) + "_of_" + std::to_string(columns) + (tied ? "_tied" : ""), [=](Problem& p) {
            const std::vector<Extent> dims = {p.symbol("n", 257), Problem::fixed(columns)};
            const ValueId x = tied ? p.param("x", DType::kF32, dims, ties(columns)) : p.activation("x", dims);
            p.output(p.builder().op("topk", {x}, {{"k", k}}));
            p.output(p.builder().results()[1]);
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases index_cases() {
  Cases cases = {scatter_rows(1),    scatter_rows(33),     topk(1, 1, false),  topk(8, 2, true),
                 topk(64, 8, false), topk(257, 257, true), topk(160, 6, true), topk(1000, 100, false)};
  for (const std::string op : {"gather_last", "scatter_last"}) {
    for (const DType dtype : {DType::kF32, DType::kI32, DType::kI64}) {
      cases.push_back(last(op, dtype, 33, 7));
      cases.push_back(last(op, dtype, 1, 3));
    }
  }
  return cases;
}

}  // namespace bp::conformance
