// What speculative decoding and quantised activations need.
#include "cases.h"

namespace bp::conformance {
namespace {

Problem::Fill tokens(int64_t columns, int64_t salt) {
  return [=](const Sizes& sizes) {
    std::vector<int32_t> out;
    // Drafts agree with the target for a while, some to the end.
    for (int64_t i = 0; i < sizes.at("s") * columns; ++i) {
      const int64_t row = i / columns, column = i % columns;
      out.push_back(static_cast<int32_t>(row * 10 + column + (column >= row % 6 ? salt : 0)));
    }
    return bytes_of(out);
  };
}

Case verify_draft(int64_t n_draft) {
  return {"verify_draft_" + std::to_string(n_draft), [=](Problem& p) {
            const Extent s = p.symbol("s", 257);
            const ValueId draft = p.param("draft", DType::kI32, {s, Problem::fixed(n_draft)}, tokens(n_draft, 0));
            const ValueId target =
                p.param("target", DType::kI32, {s, Problem::fixed(n_draft + 1)}, tokens(n_draft + 1, 1000));
            const ValueId count = p.param("n_draft", DType::kI32, {s}, [=](const Sizes& sizes) {
              std::vector<int32_t> out;
              for (int64_t i = 0; i < sizes.at("s"); ++i) out.push_back(static_cast<int32_t>(i % (n_draft + 1)));
              return bytes_of(out);
            });
            p.output(p.builder().op("verify_draft", {draft, target, count}));
            p.output(p.builder().results()[1]);
            p.tolerance = exact();
            p.runs = runs_over("s");
          }};
}

// Either the numbers, where a last bit may round the other way, or the scales.
Case quantize(DType dtype, int64_t block, bool scales) {
  return {"quantize_" + std::string(dtype_name(dtype)) + (scales ? "_scales" : ""), [=](Problem& p) {
            const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(3 * block)});
            const ValueId q =
                p.builder().op("quantize", {x}, {{"block_k", block}, {"dtype", static_cast<int64_t>(dtype)}});
            p.output(scales ? p.builder().results()[1] : q);
            p.tolerance = scales ? ulps(2) : dtype == DType::kI8 ? Tolerance{1, 0, 0} : Tolerance{0x1p-9, 0x1p-2, 0};
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases draft_cases() {
  return {verify_draft(1),
          verify_draft(5),
          quantize(DType::kI8, 32, false),
          quantize(DType::kI8, 32, true),
          quantize(DType::kFp8E4M3, 128, false),
          quantize(DType::kFp8E4M3, 128, true)};
}

}  // namespace bp::conformance
