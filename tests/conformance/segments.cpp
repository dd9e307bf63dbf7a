// Rows of sequences: their mean, and their first tokens out of the cache.
#include <algorithm>

#include "cases.h"
#include "graph/extent.h"

namespace bp::conformance {
namespace {

// How long each sequence is; of a run with n rows as many as fit, in order.
constexpr int64_t kLengths[] = {1, 0, 15, 16, 17, 33, 64, 65};

std::vector<int32_t> starts(const Sizes& sizes) {
  std::vector<int32_t> out = {0};
  for (const int64_t length : kLengths) {
    out.push_back(static_cast<int32_t>(std::min(out.back() + length, sizes.at("n"))));
  }
  return out;
}

Case segment_mean(int64_t hidden) {
  return {"segment_mean_" + std::to_string(hidden), [=](Problem& p) {
            const ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(hidden)});
            const auto fill = [](const Sizes& sizes) { return bytes_of(starts(sizes)); };
            const ValueId start = p.param("start", DType::kI32, {Problem::fixed(std::ssize(kLengths) + 1)}, fill);
            p.output(p.builder().op("segment_mean", {x, start}));
            p.runs = runs_over("n");
          }};
}

constexpr int64_t kPages = 60;
constexpr int64_t kMaxPages = 6;

Case kv_gather(const std::string& suffix, DType cache, DType result, int64_t head_dim) {
  return {"kv_gather_" + suffix, [=](Problem& p) {
            constexpr int64_t kPage = 16;
            const Extent n = p.symbol("n", 257);
            const ValueId kv = p.kv("cache", cache, {kPages, 2, kPage, head_dim});
            // Some pages are not there.
            const auto pages = [](const Sizes&) {
              std::vector<int32_t> out;
              for (int64_t i = 0; i < std::ssize(kLengths) * kMaxPages; ++i) {
                out.push_back(static_cast<int32_t>(i % 13 == 5 ? -1 : i * 7 % (kPages + 1)));
              }
              return bytes_of(out);
            };
            const ValueId table =
                p.param("table", DType::kI32, {Problem::fixed(std::ssize(kLengths)), Problem::fixed(kMaxPages)}, pages);
            const auto fill = [](const Sizes& sizes) { return bytes_of(starts(sizes)); };
            const ValueId start = p.param("start", DType::kI32, {Problem::fixed(std::ssize(kLengths) + 1)}, fill);
            p.output(p.builder().op("kv_gather", {kv, table, start},
                                    {{"n_rows", encode_extent(n)}, {"dtype", static_cast<int64_t>(result)}}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases segment_cases() {
  return {
      segment_mean(1),
      segment_mean(33),
      segment_mean(384),
      kv_gather("f32", DType::kF32, DType::kF32, 33),
      kv_gather("f16", DType::kF16, DType::kF16, 64),
      kv_gather("f16_as_f32", DType::kF16, DType::kF32, 40),
      kv_gather("bf16_as_f32", DType::kBF16, DType::kF32, 576),
  };
}

}  // namespace bp::conformance
