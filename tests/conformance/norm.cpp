#include "cases.h"

namespace bp::conformance {
namespace {

Case rms_norm(const std::string& suffix, std::vector<int64_t> inner, DType w_dtype) {
  return {"rms_norm_" + suffix, [=](Problem& p) {
            std::vector<Extent> dims = {p.symbol("n", 257)};
            for (const int64_t dim : inner) dims.push_back(Problem::fixed(dim));
            const ValueId x = p.activation("x", dims);
            const ValueId w = w_dtype == DType::kInvalid ? kNone : p.weight("w", w_dtype, {inner.back()});
            p.output(p.builder().rms_norm(x, w, 1e-5));
            p.runs = runs_over("n");
          }};
}

Case layer_norm(const std::string& suffix, int64_t hidden, bool has_w, bool has_b, DType dtype) {
  return {"layer_norm_" + suffix, [=](Problem& p) {
            const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(hidden)});
            const ValueId w = has_w ? p.weight("w", dtype, {hidden}) : kNone;
            const ValueId b = has_b ? p.weight("b", dtype, {hidden}) : kNone;
            p.output(p.builder().layer_norm(x, w, b, 1e-5));
            p.tolerance = ulps(64);
            p.runs = runs_over("n");
          }};
}

Case add_rms_norm(const std::string& suffix, int64_t hidden, bool has_w) {
  return {"add_rms_norm_" + suffix, [=](Problem& p) {
            GraphBuilder& b = p.builder();
            const std::vector<Extent> dims = {p.symbol("n", 257), Problem::fixed(hidden)};
            const ValueId s = b.add(p.activation("r", dims), p.activation("x", dims));
            const ValueId y = b.rms_norm(s, has_w ? p.weight("w", DType::kF32, {hidden}) : kNone, 1e-6);
            p.output(b.scale(s, 1));
            p.output(y);
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases norm_cases() {
  return {
      rms_norm("576", {576}, DType::kF32),
      rms_norm("1", {1}, DType::kF32),
      rms_norm("33", {33}, DType::kF32),
      rms_norm("no_weight", {100}, DType::kInvalid),
      rms_norm("heads", {3, 72}, DType::kF32),
      rms_norm("bf16", {129}, DType::kBF16),
      rms_norm("f16", {64}, DType::kF16),
      layer_norm("both", 257, true, true, DType::kF32),
      layer_norm("weight", 64, true, false, DType::kF32),
      layer_norm("plain", 31, false, false, DType::kF32),
      layer_norm("bf16", 96, true, true, DType::kBF16),
      add_rms_norm("576", 576, true),
      add_rms_norm("odd", 77, true),
      add_rms_norm("no_weight", 40, false),
  };
}

}  // namespace bp::conformance
