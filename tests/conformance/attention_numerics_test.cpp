// A row of attention must have the same bits however its sequence was chunked and whatever else is in the batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "runner.h"

namespace bp::conformance {
namespace {

constexpr int64_t kHeads = 6;
constexpr int64_t kKvHeads = 2;
constexpr int64_t kHeadDim = 48;
constexpr int64_t kPage = 16;
constexpr int64_t kTokens = 1100;
constexpr int64_t kPages = kTokens / kPage + 1;
constexpr int64_t kRowBytes = kHeads * kHeadDim * static_cast<int64_t>(sizeof(float));

// Tokens [begin, end) of a sequence whose first `end` keys are cached.
struct Chunk {
  int64_t begin, end;
};

// Each chunk is a sequence of its own in the batch, over the same pages.
class Attention {
 public:
  explicit Attention(int64_t window) : problem_("numerics") {
    const Extent t = problem_.symbol("t", kTokens);
    const Extent s = problem_.symbol("s", 40);
    const Extent s1 = problem_.symbol_plus_one("s1", "s");
    all_q_ = random_bytes(DType::kF32, kTokens * kHeads, kHeadDim, 1, 5);
    const std::vector<Extent> q_dims = {t, Problem::fixed(kHeads), Problem::fixed(kHeadDim)};
    const ValueId q = problem_.param("q", DType::kF32, q_dims, [this](const Sizes&) { return queries(); });
    const ValueId k = problem_.kv("k", DType::kF16, {kPages, kKvHeads, kPage, kHeadDim});
    const ValueId v = problem_.kv("v", DType::kF16, {kPages, kKvHeads, kPage, kHeadDim});
    const ValueId pages = problem_.param("page_table", DType::kI32, {s, Problem::fixed(kPages)},
                                         [this](const Sizes&) { return page_table(); });
    const ValueId start =
        problem_.param("seq_start", DType::kI32, {s1}, [this](const Sizes&) { return bytes_of(starts()); });
    const ValueId len = problem_.param("seq_len", DType::kI32, {s}, [this](const Sizes&) { return lengths(); });
    problem_.output(problem_.builder().op("attention", {q, k, v, pages, start, len},
                                          {{"scale", 1.0 / std::sqrt(48.0)}, {"window", window}}));
    auto graph = problem_.finish();
    EXPECT_TRUE(graph.has_value());
    auto runner = Runner::create(problem_, *graph, device_under_test(), "");
    EXPECT_TRUE(runner.has_value()) << runner.error().message();
    runner_ = std::move(*runner);
  }

  // y of every token that the chunks cover, one after another.
  Bytes run(std::vector<Chunk> chunks) {
    chunks_ = std::move(chunks);
    const int64_t n_tokens = starts().back();
    auto outputs = runner_->run({{"t", n_tokens}, {"s", static_cast<int64_t>(chunks_.size())}});
    EXPECT_TRUE(outputs.has_value()) << outputs.error().message();
    return outputs->at("y0");
  }

 private:
  std::vector<int32_t> starts() const {
    std::vector<int32_t> out = {0};
    for (const Chunk& c : chunks_) out.push_back(out.back() + static_cast<int32_t>(c.end - c.begin));
    return out;
  }
  Bytes lengths() const {
    std::vector<int32_t> out;
    for (const Chunk& c : chunks_) out.push_back(static_cast<int32_t>(c.end));
    return bytes_of(out);
  }
  Bytes page_table() const {
    std::vector<int32_t> out;
    for (size_t s = 0; s < chunks_.size(); ++s) {
      for (int64_t i = 0; i < kPages; ++i) out.push_back(static_cast<int32_t>(i * 7 % kPages));
    }
    return bytes_of(out);
  }
  Bytes queries() const {
    Bytes out;
    for (const Chunk& c : chunks_)
      out.insert(out.end(), all_q_.begin() + c.begin * kRowBytes, all_q_.begin() + c.end * kRowBytes);
    return out;
  }

  Problem problem_;
  Bytes all_q_;
  std::vector<Chunk> chunks_;
  std::unique_ptr<Runner> runner_;
};

bool equal(const Bytes& whole, int64_t token, const Bytes& part, int64_t n_tokens) {
  return std::memcmp(whole.data() + token * kRowBytes, part.data(), static_cast<size_t>(n_tokens * kRowBytes)) == 0;
}

class AttentionNumerics : public testing::TestWithParam<int64_t> {};

TEST_P(AttentionNumerics, ChunksGiveTheBitsOfTheWhole) {
  ASSERT_NE(device_under_test(), nullptr);
  Attention attention(GetParam());
  const Bytes whole = attention.run({{0, kTokens}});
  for (const int64_t size : {1, 7, 64, 511}) {
    for (int64_t begin = 0; begin < kTokens; begin += size == 1 ? 37 : size) {
      const int64_t end = std::min(begin + size, kTokens);
      ASSERT_TRUE(equal(whole, begin, attention.run({{begin, end}}), end - begin)) << begin << " to " << end;
    }
  }
}

TEST_P(AttentionNumerics, OtherSequencesOfTheBatchChangeNothing) {
  ASSERT_NE(device_under_test(), nullptr);
  Attention attention(GetParam());
  const Bytes whole = attention.run({{0, kTokens}});
  std::vector<Chunk> decode;
  for (int64_t i = 0; i < 30; ++i) decode.push_back({i * 36, i * 36 + 1});
  const Bytes together = attention.run(decode);
  for (size_t i = 0; i < decode.size(); ++i) {
    const Bytes row(together.begin() + static_cast<int64_t>(i) * kRowBytes,
                    together.begin() + static_cast<int64_t>(i + 1) * kRowBytes);
    EXPECT_TRUE(equal(whole, decode[i].begin, row, 1)) << decode[i].begin;
  }
}

INSTANTIATE_TEST_SUITE_P(Window, AttentionNumerics, testing::Values(0, 100));

}  // namespace
}  // namespace bp::conformance
