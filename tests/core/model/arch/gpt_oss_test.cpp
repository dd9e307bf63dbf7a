// gpt-oss: its defaults, and how the experts of a folder are brought into GGUF's form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "../model_files.h"
#include "model/arch/gpt_oss_weights.h"
#include "model/model.h"
#include "model/weight_rows.h"

namespace bp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kExperts = 3, kHidden = 64, kFfn = 32;

json::object config_of(std::string_view changes = "{}") {
  json::object config = {{"model_type", "gpt_oss"},   {"num_hidden_layers", 3},   {"hidden_size", kHidden},
                         {"num_attention_heads", 4},  {"num_key_value_heads", 2}, {"head_dim", 16},
                         {"intermediate_size", kFfn}, {"vocab_size", 16},         {"num_local_experts", kExperts},
                         {"num_experts_per_tok", 2}};
  const auto parsed = parse_json(changes, "test");
  for (const auto& [key, value] : parsed->get_object()) config[key] = value;
  return config;
}

ModelConfig accepted(std::string_view changes = "{}") {
  const auto config = read_hf_config(write_json(config_of(changes)), "config.json");
  EXPECT_TRUE(config) << config.error().message();
  return config.value_or(ModelConfig{});
}

std::string refusal(std::string_view changes) {
  const auto config = read_hf_config(write_json(config_of(changes)), "config.json");
  return config ? "accepted" : config.error().message();
}

// Weights of the tensors that `writer` has, under the names given.
Result<Weights> weights_of(const test::TempFolder& folder, const test::SafetensorsWriter& writer) {
  folder.write("model.safetensors", writer.bytes());
  return Weights::from_folder(folder.path());
}

std::vector<float> counted(int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return values;
}

std::vector<float> row_of(const Weights& weights, const std::string& stem, int64_t row) {
  auto rows = WeightRows::open(weights, stem);
  EXPECT_TRUE(rows) << rows.error().message();
  if (!rows) return {};
  std::vector<float> values(static_cast<size_t>(rows->n_columns()));
  rows->read(row, values.data());
  return values;
}

TEST(GptOss, DefaultsOfItsConfig) {
  const ModelConfig config = accepted();
  EXPECT_THAT(config.windows, ElementsAre(128, 0, 128));
  EXPECT_EQ(config.rope.type, RopeType::kYarn);
  EXPECT_EQ(config.rope.factor, 32);
  EXPECT_EQ(config.rope.theta, 150000);
  EXPECT_EQ(config.rope.original_context, 4096);
  EXPECT_FALSE(config.rope.truncate);
  EXPECT_TRUE(config.qkv_bias && config.o_bias && config.experts.normalize);
  EXPECT_EQ(config.norm_eps, 1e-5);
  EXPECT_THAT(accepted(R"({"sliding_window": null})").windows, ElementsAre(0, 0, 0));
  EXPECT_EQ(accepted(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 10000}})").rope.type,
            RopeType::kDefault);
  EXPECT_EQ(accepted(R"({"swiglu_limit": 5.5})").experts.swiglu_limit, 5.5);
}

TEST(GptOss, RefusesMalformedSwitches) {
  EXPECT_THAT(refusal(R"({"swiglu_limit": -1})"), HasSubstr("swiglu_limit = -1"));
  EXPECT_THAT(refusal(R"({"layer_types": ["full_attention"]})"), HasSubstr("layer_types has 1 entries for 3 layers"));
  EXPECT_THAT(refusal(R"({"num_experts_per_tok": 4})"), HasSubstr("4 of 3 experts for a token"));
}

TEST(GptOss, SplitsAndTransposesPlainExperts) {
  test::SafetensorsWriter writer;
  writer.tensor("blk.0.ffn_pairs.weight", {kExperts, kHidden, 2 * kFfn}, counted(kExperts * kHidden * 2 * kFfn));
  writer.tensor("blk.0.ffn_pairs.bias", {kExperts, 2 * kFfn}, counted(kExperts * 2 * kFfn));
  writer.tensor("blk.0.ffn_down_exps.transposed", {kExperts, kFfn, kHidden}, counted(kExperts * kFfn * kHidden));
  const test::TempFolder folder;
  auto weights = weights_of(folder, writer);
  ASSERT_TRUE(weights) << weights.error().message();
  const Status status = adapt_gpt_oss(accepted(), *weights);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(weights->all().size(), 5u);
  for (int64_t expert = 0; expert < kExperts; ++expert) {
    for (const int64_t unit : {int64_t{0}, int64_t{7}, kFfn - 1}) {
      const std::vector<float> gate = row_of(*weights, "blk.0.ffn_gate_exps", expert * kFfn + unit);
      const std::vector<float> up = row_of(*weights, "blk.0.ffn_up_exps", expert * kFfn + unit);
      for (int64_t h = 0; h < kHidden; ++h) {
        const auto at = static_cast<float>((expert * kHidden + h) * 2 * kFfn + 2 * unit);
        EXPECT_EQ(gate[static_cast<size_t>(h)], at);
        EXPECT_EQ(up[static_cast<size_t>(h)], at + 1);
      }
    }
    const std::vector<float> down = row_of(*weights, "blk.0.ffn_down_exps", expert * kHidden + 5);
    for (int64_t i = 0; i < kFfn; ++i) {
      EXPECT_EQ(down[static_cast<size_t>(i)], static_cast<float>((expert * kFfn + i) * kHidden + 5));
    }
  }
  const auto* bias = reinterpret_cast<const float*>(weights->find("blk.0.ffn_up_exps.bias")->bytes.data());
  EXPECT_THAT(std::vector<float>(bias, bias + 3), ElementsAre(1, 3, 5));
}

TEST(GptOss, SplitsBlocksOfMxfp4) {
  // Row r of expert e: scale 2^(r % 2), elements k % 8 of the codes 0, 0.5, 1, 1.5, 2, 3, 4, 6.
  std::string blocks, scales;
  for (int64_t row = 0; row < kExperts * 2 * kFfn; ++row) {
    for (int64_t block = 0; block < kHidden / 32; ++block) {
      scales += static_cast<char>(127 + row % 2);
      for (int i = 0; i < 16; ++i) blocks += static_cast<char>(2 * i % 8 | (2 * i + 1) % 8 << 4);
    }
  }
  test::SafetensorsWriter writer;
  writer.raw("blk.0.ffn_pairs.blocks", "U8", {kExperts, 2 * kFfn, kHidden / 32, 16}, blocks);
  writer.raw("blk.0.ffn_pairs.scales", "U8", {kExperts, 2 * kFfn, kHidden / 32}, scales);
  const test::TempFolder folder;
  auto weights = weights_of(folder, writer);
  ASSERT_TRUE(weights) << weights.error().message();
  const Status status = adapt_gpt_oss(accepted(), *weights);
  ASSERT_TRUE(status) << status.error().message();
  constexpr float kLevels[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  const std::vector<float> gate = row_of(*weights, "blk.0.ffn_gate_exps", kExperts * kFfn - 1);
  const std::vector<float> up = row_of(*weights, "blk.0.ffn_up_exps", 3);
  for (size_t k = 0; k < gate.size(); ++k) {
    EXPECT_EQ(gate[k], kLevels[k % 8]);
    EXPECT_EQ(up[k], 2 * kLevels[k % 8]);
  }
}

TEST(GptOss, RefusesExpertsOfOtherShapesAndTypes) {
  const auto adapted = [](const test::SafetensorsWriter& writer) {
    const test::TempFolder folder;
    auto weights = weights_of(folder, writer);
    EXPECT_TRUE(weights) << weights.error().message();
    const Status status = adapt_gpt_oss(accepted(), *weights);
    return status ? "accepted" : status.error().message();
  };
  test::SafetensorsWriter pairs;
  pairs.tensor("blk.0.ffn_pairs.weight", {kExperts, 2 * kFfn, kHidden - 2},
               counted(kExperts * 2 * kFfn * (kHidden - 2)));
  EXPECT_THAT(adapted(pairs), HasSubstr("ffn_pairs.weight is [3, 64, 62], the configuration says [3, 64, 64]"));
  test::SafetensorsWriter bytes;
  bytes.raw("blk.0.ffn_down_exps.transposed", "U8", {kExperts, kFfn, kHidden},
            std::string(kExperts * kFfn * kHidden, 0));
  EXPECT_THAT(adapted(bytes), HasSubstr("ffn_down_exps.transposed is u8, which is not supported there"));
  test::SafetensorsWriter blocks;
  blocks.raw("blk.0.ffn_down_exps.blocks", "U8", {kExperts, kHidden, 2, 16}, std::string(kExperts * kHidden * 32, 0));
  blocks.raw("blk.0.ffn_down_exps.scales", "U8", {kExperts, kHidden, 2}, std::string(kExperts * kHidden * 2, 0));
  EXPECT_THAT(adapted(blocks), HasSubstr("ffn_down_exps.scales is [3, 64, 2], the configuration says [3, 64, 1]"));
}

}  // namespace
}  // namespace bp
