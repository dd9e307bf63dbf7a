#include "engine/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "../built_plugins.h"
#include "engine/engine.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

using testing::HasSubstr;

constexpr const char* kData = BP_SOURCE_DIR "/tests/goldens/data/";
using Lists = std::vector<std::vector<int32_t>>;

class OfEncoder : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "reference") return;
    registry_ = built_plugins();
    auto device = registry_->open(GetParam());
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = std::move(*device);
  }

  Lists embed(const Model& model, const Lists& lists, EngineOptions options) {
    const auto embedder = Embedder::create(model, device_.get(), std::move(options));
    EXPECT_TRUE(embedder) << embedder.error().message();
    const auto rows = (*embedder)->embed(lists);
    EXPECT_TRUE(rows) << rows.error().message();
    Lists bits;
    for (const auto& row : *rows) {
      bits.emplace_back();
      for (const float x : row) bits.back().push_back(std::bit_cast<int32_t>(x));
    }
    return bits;
  }

  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
};

TEST_P(OfEncoder, EmbeddingsHaveTheSameBitsAloneAndTogether) {
  for (const char* name : {"hf_bert_mean_normalized", "hf_bert_cls"}) {
    const auto model = Model::open(std::string(kData) + name);
    ASSERT_TRUE(model) << model.error().message();
    std::mt19937 random(7);
    Lists lists;
    for (const int length : {1, 64, 3, 17, 9, 33, 2, 64, 5}) {
      for (lists.emplace_back(); lists.back().size() < static_cast<size_t>(length);) {
        lists.back().push_back(static_cast<int32_t>(random() % 96));
      }
    }
    const Lists alone = embed(*model, lists, {.max_seqs = 1, .max_batch_tokens = 64});
    EXPECT_EQ(alone, embed(*model, lists, {.max_seqs = 4, .max_batch_tokens = 100})) << name;
    EXPECT_EQ(alone, embed(*model, lists, {.max_seqs = 16, .max_batch_tokens = 512})) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OfEncoder, testing::Values("reference", "cpu:0"),
                         [](const auto& param) { return std::string(param.param).substr(0, 3); });

TEST(Embedder, RefusesListsThatAreNoInput) {
  const auto model = Model::open(std::string(kData) + "hf_bert_cls");  // 64 positions, 96 tokens
  ASSERT_TRUE(model) << model.error().message();
  const auto embedder = Embedder::create(*model, nullptr, {.max_seqs = 2});
  ASSERT_TRUE(embedder) << embedder.error().message();
  EXPECT_EQ((*embedder)->max_tokens(), 64);
  const auto refusal = [&](const Lists& lists) {
    const auto rows = (*embedder)->embed(lists);
    EXPECT_FALSE(rows);
    return rows ? std::string() : rows.error().message();
  };
  EXPECT_THAT(refusal({{1}, {}}), HasSubstr("list 2: has no tokens"));
  EXPECT_THAT(refusal({std::vector<int32_t>(65, 1)}), HasSubstr("is too long (65 tokens, the model takes 64)"));
  EXPECT_THAT(refusal({{1, 96}}), HasSubstr("token 96 is not in the vocabulary (0 to 95)"));
  EXPECT_THAT(refusal({{-1}}), HasSubstr("token -1 is not in the vocabulary"));
  const auto none = (*embedder)->embed({});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST(Embedder, IsForEncodersAndTheEngineForDecoders) {
  const auto encoder = Model::open(std::string(kData) + "hf_bert_cls");
  const auto decoder = Model::open(std::string(kData) + "hf_gpt2_hub");
  ASSERT_TRUE(encoder && decoder);
  const auto no_embedder = Embedder::create(*decoder, nullptr, {});
  ASSERT_FALSE(no_embedder);
  EXPECT_EQ(no_embedder.error().code, ErrorCode::kUsage);
  EXPECT_THAT(no_embedder.error().message(), HasSubstr("is a gpt2 model, which continues text"));
  const auto no_engine = Engine::create(*encoder, nullptr, {});
  ASSERT_FALSE(no_engine);
  EXPECT_EQ(no_engine.error().code, ErrorCode::kUsage);
  EXPECT_THAT(no_engine.error().message(), HasSubstr("is a bert encoder, which continues no text"));
}

}  // namespace
}  // namespace bp
