#include "cases.h"

namespace bp::conformance {
namespace {

// Row numbers all over the table, and some outside it.
Bytes row_numbers(const Sizes& sizes, int64_t n_table) {
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < sizes.at("n"); ++i) rows.push_back(static_cast<int32_t>(i * 37 % (n_table + 2) - 1));
  return bytes_of(rows);
}

Case gather(const std::string& suffix, DType dtype, std::vector<int64_t> dims) {
  return {"gather_rows_" + suffix, [=](Problem& p) {
            const ValueId table = p.weight("table", dtype, dims);
            const ValueId rows = p.param("rows", DType::kI32, {p.symbol("n", 257)},
                                         [=](const Sizes& sizes) { return row_numbers(sizes, dims[0]); });
            p.output(p.builder().op("gather_rows", {table, rows}, {{"dtype", static_cast<int64_t>(DType::kF32)}}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases gather_rows_cases() {
  Cases cases = {
      gather("f32", DType::kF32, {50, 33}),
      gather("f32_rank3", DType::kF32, {50, 3, 7}),
      gather("f16", DType::kF16, {50, 31}),
      gather("bf16", DType::kBF16, {50, 257}),
      {"gather_rows_activation",
       [](Problem& p) {
         const ValueId table = p.activation("table", {p.symbol("t", 40), Problem::fixed(24)});
         const ValueId rows = p.param("rows", DType::kI32, {p.symbol("n", 257)},
                                      [](const Sizes& sizes) { return row_numbers(sizes, 30); });
         p.output(p.builder().gather_rows(table, rows));
         p.tolerance = exact();
         for (const int64_t n : kSizes) p.runs.push_back({{"n", n}, {"t", n == 0 ? 0 : 25}});
       }},
  };
  for (const DType dtype :
       {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ2_K, DType::kQ3_K, DType::kQ4_K,
        DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4}) {
    const int64_t block = dtype_info(dtype).block_elements;
    cases.push_back(gather(std::string(dtype_name(dtype)), dtype, {50, 3 * block}));
  }
  return cases;
}

}  // namespace bp::conformance
