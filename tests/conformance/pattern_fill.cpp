// What stands in operands that are no plain numbers, by the names that the opset gives them.
#include <algorithm>
#include <span>

#include "pattern_maker.h"

namespace bp::conformance {
namespace {

// Elements for these sizes; a dynamic extent is "n", or a multiple of it.
struct Shape {
  struct Dim {
    int64_t size, times;  // times 0: static
  };
  std::vector<Dim> dims;

  Shape(const Graph& graph, std::span<const Extent> extents) {
    for (const Extent& extent : extents) {
      const auto size = affine(graph, extent).value_or(Affine{});
      dims.push_back({size.add, size.base == kNone ? 0 : size.mul});
    }
  }
  int64_t count(const Sizes& sizes) const {
    int64_t n = 1;
    for (const Dim& dim : dims) n *= dim.times == 0 ? dim.size : sizes.at("n") * dim.times + dim.size;
    return n;
  }
};

template <class T, class F>
Problem::Fill each(const Shape& shape, F f) {
  return [shape, f](const Sizes& sizes) {
    std::vector<T> out;
    const int64_t n = shape.count(sizes);
    for (int64_t i = 0; i < n; ++i) out.push_back(static_cast<T>(f(i)));
    return bytes_of(out);
  };
}

// [S + 1] offsets of n rows among as many sequences, the first without any.
Problem::Fill starts(const Shape& shape) {
  return [shape](const Sizes& sizes) {
    const int64_t n_seqs = shape.count(sizes) - 1;
    std::vector<int32_t> out = {0};
    for (int64_t s = 0; s < n_seqs; ++s) {
      out.push_back(static_cast<int32_t>(n_seqs < 2 ? sizes.at("n") : sizes.at("n") * s / (n_seqs - 1)));
    }
    return bytes_of(out);
  };
}

// [S] keys: those rows, and three before them.
Problem::Fill lengths(const Shape& shape) {
  return [shape](const Sizes& sizes) {
    const int64_t n_seqs = shape.count(sizes);
    std::vector<int32_t> out;
    int64_t before = 0;
    for (int64_t s = 0; s < n_seqs; ++s) {
      const int64_t end = n_seqs < 2 ? sizes.at("n") : sizes.at("n") * s / (n_seqs - 1);
      out.push_back(static_cast<int32_t>(std::min<int64_t>(end - before + 3, 96)));
      before = end;
    }
    return bytes_of(out);
  };
}

Problem::Fill integers(std::string_view operand, const Shape& shape) {
  if (operand == "seq_start" || operand == "q_start" || operand == "k_start" || operand == "offsets")
    return starts(shape);
  if (operand == "seq_len") return lengths(shape);
  const auto with = [&](auto f) { return each<int32_t>(shape, f); };
  if (operand == "page_table") return with([](int64_t i) { return i * 7 % 24; });
  if (operand == "slots") return with([](int64_t i) { return i % 7 == 3 ? -1 : (i * 95 + 5) % 384; });
  if (operand == "positions") return with([](int64_t i) { return i * 37; });
  if (operand == "variant") return with([](int64_t i) { return i % 4 - 1; });
  if (operand == "order" || operand == "position") return with([](int64_t i) { return i; });
  if (operand == "rows") return with([](int64_t i) { return i * 37 % 52 - 1; });
  if (operand == "top_k") return with([](int64_t i) { return i % 5; });
  return with([](int64_t i) { return i * 5 % 6; });
}

}  // namespace

Problem::Fill operand_fill(const Graph& graph, const std::pair<std::string_view, std::string_view>& place, DType dtype,
                           std::span<const Extent> dims) {
  const auto& [op, operand] = place;
  const Shape shape(graph, dims);
  if (dtype == DType::kI32) return integers(operand, shape);
  if (dtype == DType::kI64) return each<int64_t>(shape, [](int64_t i) { return i * 977 - 3; });
  if (dtype == DType::kBool) return each<uint8_t>(shape, [](int64_t i) { return i % 3 == 0 ? 1 : 0; });
  if (dtype != DType::kF32) return {};
  if (operand == "freqs") return each<float>(shape, [](int64_t i) { return 1.0 / static_cast<double>(1 + i * i); });
  if (op == "sample" && operand != "logits")
    return each<float>(shape, [value = operand == "min_p" ? 0.0 : 0.9](int64_t) { return value; });
  if (operand == "mask" || operand == "sinks" || operand == "alibi")
    return each<float>(shape, [](int64_t i) { return static_cast<double>(i % 7) * 0.1; });
  return {};
}

}  // namespace bp::conformance
