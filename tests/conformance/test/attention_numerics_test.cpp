// A row of attention must have the same bits however its sequence was chunked and whatever else is in the batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <ostream>
#include <string>

#include "cpu_subject.h"
#include "runner.h"

namespace bp::conformance {
namespace {

constexpr int64_t kPage = 16;
constexpr int64_t kTokens = 1100;
constexpr int64_t kPages = kTokens / kPage + 1;

// Few rows and many take different ways through the kernel, by type, group and width of a head.
struct Kind {
  std::string name;
  DType dtype = DType::kF16;
  int64_t heads = 6, kv_heads = 2, head_dim = 48;
  int64_t v_dim = 0;  // 0: values of their own
  int64_t window = 0;
  double softcap = 0;
  bool sinks = false, alibi = false;

  int64_t q_row() const { return heads * head_dim * static_cast<int64_t>(sizeof(float)); }
  int64_t y_row() const { return heads * (v_dim > 0 ? v_dim : head_dim) * static_cast<int64_t>(sizeof(float)); }
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

// Tokens [begin, end) of a sequence whose first `end` keys are cached.
struct Chunk {
  int64_t begin, end;
};

// Each chunk is a sequence of its own in the batch, over the same pages.
class Attention {
 public:
  explicit Attention(const Kind& kind) : problem_("numerics"), kind_(kind) {
    const Extent t = problem_.symbol("t", kTokens);
    const Extent s = problem_.symbol("s", 40);
    const Extent s1 = problem_.symbol_plus_one("s1", "s");
    const Extent heads = Problem::fixed(kind.heads);
    all_q_ = random_bytes(DType::kF32, kTokens * kind.heads, kind.head_dim, 1, 5);
    const std::vector<Extent> q_dims = {t, heads, Problem::fixed(kind.head_dim)};
    const ValueId q = problem_.param("q", DType::kF32, q_dims, [this](const Sizes&) { return queries(); });
    const std::vector<int64_t> cache = {kPages, kind.kv_heads, kPage, kind.head_dim};
    const ValueId k = problem_.kv("k", kind.dtype, cache);
    const ValueId v = kind.v_dim > 0 ? k : problem_.kv("v", kind.dtype, cache);
    const ValueId pages = problem_.param("page_table", DType::kI32, {s, Problem::fixed(kPages)},
                                         [this](const Sizes&) { return page_table(); });
    const ValueId start =
        problem_.param("seq_start", DType::kI32, {s1}, [this](const Sizes&) { return bytes_of(starts()); });
    const ValueId len = problem_.param("seq_len", DType::kI32, {s}, [this](const Sizes&) { return lengths(); });
    const ValueId sinks = kind.sinks ? problem_.param("sinks", DType::kF32, {heads}, per_head()) : kNone;
    const ValueId alibi = kind.alibi ? problem_.param("alibi", DType::kF32, {heads}, per_head()) : kNone;
    problem_.output(problem_.builder().op("attention", {q, k, v, pages, start, len, kNone, sinks, alibi},
                                          {{"scale", 1.0 / std::sqrt(static_cast<double>(kind.head_dim))},
                                           {"softcap", kind.softcap},
                                           {"window", kind.window},
                                           {"v_dim", kind.v_dim}}));
    auto graph = problem_.finish();
    EXPECT_TRUE(graph.has_value());
    auto runner = Runner::create(problem_, *graph, {.device = &cpu_subject()->device()});
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
      out.insert(out.end(), all_q_.begin() + c.begin * kind_.q_row(), all_q_.begin() + c.end * kind_.q_row());
    return out;
  }
  Problem::Fill per_head() const {
    std::vector<float> values;
    for (int64_t h = 0; h < kind_.heads; ++h) values.push_back(0.02f * static_cast<float>(h + 1));
    return [values](const Sizes&) { return bytes_of(values); };
  }

  Problem problem_;
  Kind kind_;
  Bytes all_q_;
  std::vector<Chunk> chunks_;
  std::unique_ptr<Runner> runner_;
};

class AttentionNumerics : public testing::TestWithParam<Kind> {
 protected:
  static bool equal(const Bytes& whole, int64_t token, const Bytes& part, int64_t n_tokens) {
    const int64_t row = GetParam().y_row();
    return std::memcmp(whole.data() + token * row, part.data(), static_cast<size_t>(n_tokens * row)) == 0;
  }
};

TEST_P(AttentionNumerics, ChunksGiveTheBitsOfTheWhole) {
  ASSERT_NE(cpu_subject(), nullptr);
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
  ASSERT_NE(cpu_subject(), nullptr);
  Attention attention(GetParam());
  const Bytes whole = attention.run({{0, kTokens}});
  std::vector<Chunk> decode;
  for (int64_t i = 0; i < 30; ++i) decode.push_back({i * 36, i * 36 + 1});
  const Bytes together = attention.run(decode);
  const int64_t row = GetParam().y_row();
  for (size_t i = 0; i < decode.size(); ++i) {
    const auto at = together.begin() + static_cast<int64_t>(i) * row;
    EXPECT_TRUE(equal(whole, decode[i].begin, Bytes(at, at + row), 1)) << decode[i].begin;
  }
}

const Kind kKinds[] = {
    {.name = "f16"},
    {.name = "window", .window = 100},
    {.name = "f32_mha_dim40", .dtype = DType::kF32, .heads = 2, .head_dim = 40},
    {.name = "bf16_group_of_8", .dtype = DType::kBF16, .heads = 8, .kv_heads = 1, .head_dim = 64},
    {.name = "f16_group_of_13", .heads = 13, .kv_heads = 1, .head_dim = 32},
    {.name = "latent", .dtype = DType::kBF16, .heads = 14, .kv_heads = 1, .head_dim = 72, .v_dim = 64},
    {.name = "everything", .window = 300, .softcap = 2, .sinks = true, .alibi = true},
};

INSTANTIATE_TEST_SUITE_P(Kind, AttentionNumerics, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace bp::conformance
