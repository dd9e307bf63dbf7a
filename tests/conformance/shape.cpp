#include "cases.h"
#include "graph/extent.h"

namespace bp::conformance {
namespace {

Case transpose(const std::string& suffix, std::vector<int64_t> inner, std::vector<int64_t> perm) {
  return {"transpose_" + suffix, [=](Problem& p) {
            std::vector<Extent> dims = {p.symbol("n", 257)};
            for (const int64_t dim : inner) dims.push_back(Problem::fixed(dim));
            p.output(p.builder().op("transpose", {p.activation("x", dims)}, {{"perm", perm}}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

Case slice(const std::string& suffix, int64_t axis, int64_t start, int64_t length, int64_t step) {
  return {
      "slice_" + suffix, [=](Problem& p) {
        const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(9), Problem::fixed(14)});
        p.output(p.builder().op("slice", {x}, {{"axis", axis}, {"start", start}, {"length", length}, {"step", step}}));
        p.tolerance = exact();
        p.runs = runs_over("n");
      }};
}

Case broadcast(const std::string& suffix, std::vector<int64_t> from, std::vector<int64_t> to) {
  return {"broadcast_" + suffix, [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            std::vector<Extent> dims = {n};
            for (const int64_t dim : from) dims.push_back(Problem::fixed(dim));
            std::vector<int64_t> target = {encode_extent(n)};
            target.insert(target.end(), to.begin(), to.end());
            p.output(p.builder().op("broadcast", {p.activation("x", dims)}, {{"dims", target}}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

// Operands [n, 3, 3], but for their widths along the axis.
Case concat(const std::string& suffix, std::vector<int64_t> widths, int64_t axis) {
  return {"concat_" + suffix, [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            std::vector<ValueId> in;
            for (const int64_t width : widths) {
              std::vector<Extent> dims = {n, Problem::fixed(3), Problem::fixed(3)};
              dims[static_cast<size_t>(axis < 0 ? axis + 3 : axis)] = Problem::fixed(width);
              in.push_back(p.activation("x" + std::to_string(in.size()), dims));
            }
            p.output(p.builder().op("concat", in, {{"axis", axis}}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

Case iota() {
  return {"iota", [](Problem& p) {
            p.output(p.builder().op("iota", {p.activation("x", {p.symbol("n", 257), Problem::fixed(3)})}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

// Elements of 1, 2 and 8 bytes.
Case transposed_bytes(DType dtype) {
  return {"transpose_" + std::string(dtype_name(dtype)), [=](Problem& p) {
            const int64_t bytes = dtype_info(dtype).block_bytes;
            const auto fill = [=](const Sizes& sizes) {
              Bytes out(static_cast<size_t>(sizes.at("n") * 33 * bytes));
              for (size_t i = 0; i < out.size(); i += static_cast<size_t>(bytes)) out[i] = std::byte(i % 101 % 2);
              return out;
            };
            const ValueId x = p.param("x", dtype, {p.symbol("n", 257), Problem::fixed(33)}, fill);
            p.output(p.builder().op("transpose", {x}, {{"perm", std::vector<int64_t>{1, 0}}}));
            p.tolerance = exact();
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
      transposed_bytes(DType::kF16),
      transposed_bytes(DType::kBool),
      transposed_bytes(DType::kI64),
      broadcast("last", {1}, {33}),
      broadcast("middle", {1, 21}, {5, 21}),
      broadcast("both", {1, 1}, {3, 7}),
      concat("last", {512, 64}, -1),
      concat("middle", {1, 3, 2}, 1),
      concat("one", {5}, 2),
      concat("eight", {1, 2, 3, 4, 5, 6, 7, 8}, -1),
      iota(),
  };
}

}  // namespace bp::conformance
