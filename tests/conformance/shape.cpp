#include "cases.h"

namespace bp::conformance {
namespace {

Case transpose(const std::string& suffix, std::vector<int64_t> inner, std::vector<int64_t> perm) {
  return {"transpose_" + suffix, [=](Problem& p) {
            std::vector<Extent> dims = {p.symbol("n", 257)};
            for (const int64_t dim : inner) dims.push_back(Problem::fixed(dim));
            p.output(p.builder().op("transpose", {p.activation("x", dims)}, {{"perm", perm}}));
            p.tolerance = {0, 0};
            p.runs = runs_over("n");
          }};
}

Case slice(const std::string& suffix, int64_t axis, int64_t start, int64_t length, int64_t step) {
  return {
      "slice_" + suffix, [=](Problem& p) {
        const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(9), Problem::fixed(14)});
        p.output(p.builder().op("slice", {x}, {{"axis", axis}, {"start", start}, {"length", length}, {"step", step}}));
        p.tolerance = {0, 0};
        p.runs = runs_over("n");
      }};
}

}  // namespace

Cases shape_cases() {
  return {
      transpose("rows", {33}, {1, 0}),
      transpose("heads", {3, 17}, {1, 0, 2}),
      transpose("last", {5, 31}, {0, 2, 1}),
      transpose("all", {2, 3, 4}, {3, 1, 0, 2}),
      slice("last", -1, 3, 7, 1),
      slice("middle", 1, 2, 5, 1),
      slice("stepped", 2, 1, 4, 3),
      slice("middle_stepped", 1, 0, 3, 4),
  };
}

}  // namespace bp::conformance
