#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/model_config.h"
#include "model_files.h"

namespace bp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// TinyModel's config of that type, with `changes` (a JSON object).
std::string config_text(std::string_view model_type, std::string_view changes) {
  json::object config = test::TinyModel().config;
  config["model_type"] = model_type;
  config.erase("architectures");
  const auto parsed = parse_json(changes, "test");
  for (const auto& [key, value] : parsed->get_object()) config[key] = value;
  return write_json(config);
}

ModelConfig accepted(std::string_view model_type, std::string_view changes = "{}") {
  const auto config = read_hf_config(config_text(model_type, changes), "config.json");
  EXPECT_TRUE(config) << config.error().message();
  return config.value_or(ModelConfig{});
}

std::string refusal(std::string_view changes, std::string_view model_type = "llama") {
  const auto config = read_hf_config(config_text(model_type, changes), "config.json");
  return config ? "accepted" : config.error().message();
}

TEST(HfConfig, ReadsSizesAndDefaults) {
  const ModelConfig config = accepted("llama");
  EXPECT_EQ(config.architecture, "llama");
  EXPECT_EQ(config.n_layers, 2);
  EXPECT_EQ(config.n_kv_heads, 2);
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.v_head_dim, 8);
  EXPECT_EQ(config.context, 128);
  EXPECT_EQ(config.norm_eps, 1e-5);
  EXPECT_EQ(config.rope.theta, 10000.0);
  EXPECT_EQ(config.rope.n_rot, 8);
  EXPECT_FALSE(config.rope.interleaved);
  EXPECT_THAT(config.windows, ElementsAre(0, 0));
  EXPECT_DOUBLE_EQ(config.attention_scale, 1 / std::sqrt(8.0));
  EXPECT_FALSE(config.qkv_bias || config.o_bias || config.mlp_bias || config.qk_norm || config.tied_head);
}

TEST(HfConfig, HeadDimNeedNotDivideHidden) {
  const ModelConfig config =
      accepted("llama", R"({"head_dim": 24, "num_attention_heads": 3, "num_key_value_heads": 1})");
  EXPECT_EQ(config.head_dim, 24);
  EXPECT_THAT(refusal(R"({"num_attention_heads": 3, "num_key_value_heads": 1})"),
              HasSubstr("hidden_size 32 is not a multiple of num_attention_heads 3"));
  EXPECT_EQ(accepted("llama", R"({"head_dim": null})").head_dim, 8);
}

TEST(HfConfig, KvHeadsDefaultToHeads) {
  EXPECT_EQ(accepted("llama", R"({"num_key_value_heads": null})").n_kv_heads, 4);
  EXPECT_EQ(accepted("qwen2", R"({"num_key_value_heads": null})").n_kv_heads, 4);
}

TEST(HfConfig, BiasesAndNormsFollowTheFamily) {
  const ModelConfig llama = accepted("llama", R"({"attention_bias": true, "mlp_bias": true})");
  EXPECT_TRUE(llama.qkv_bias && llama.o_bias && llama.mlp_bias);
  const ModelConfig qwen2 = accepted("qwen2");
  EXPECT_TRUE(qwen2.qkv_bias && !qwen2.o_bias && !qwen2.qk_norm);
  const ModelConfig qwen3 = accepted("qwen3", R"({"head_dim": 8})");
  EXPECT_TRUE(!qwen3.qkv_bias && qwen3.qk_norm);
  EXPECT_EQ(accepted("qwen3").head_dim, 128);
}

TEST(HfConfig, ReadsBothSpellingsOfRope) {
  const ModelConfig newer =
      accepted("llama", R"({"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8,
      "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64}})");
  const ModelConfig older =
      accepted("llama", R"({"rope_theta": 500000, "rope_scaling": {"type": "llama3", "factor": 8.0,
      "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}})");
  for (const ModelConfig& config : {newer, older}) {
    EXPECT_EQ(config.rope.type, RopeType::kLlama3);
    EXPECT_EQ(config.rope.theta, 500000.0);
    EXPECT_EQ(config.rope.factor, 8.0);
    EXPECT_EQ(config.rope.original_context, 64);
  }
  EXPECT_EQ(accepted("llama", R"({"rope_theta": 7, "rope_scaling": null})").rope.theta, 7.0);
  EXPECT_EQ(accepted("llama", R"({"rope_theta": 7, "rope_parameters": {"rope_type": "default"}})").rope.theta, 7.0);
}

TEST(HfConfig, ReadsYarn) {
  const ModelConfig config = accepted("qwen2", R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "mscale": 0.7,
      "mscale_all_dim": 0.8, "beta_fast": 16, "beta_slow": 2, "truncate": false, "attention_factor": null,
      "original_max_position_embeddings": 32}})");
  EXPECT_EQ(config.rope.type, RopeType::kYarn);
  EXPECT_EQ(config.rope.mscale, 0.7);
  EXPECT_EQ(config.rope.beta_fast, 16.0);
  EXPECT_FALSE(config.rope.truncate);
  EXPECT_FALSE(config.rope.attention_factor.has_value());
  // Without a factor it is the ratio of the contexts; without an original context that is the model's.
  const ModelConfig implied =
      accepted("llama", R"({"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 32}})");
  EXPECT_EQ(implied.rope.factor, 4.0);
  EXPECT_EQ(accepted("llama", R"({"rope_scaling": {"rope_type": "yarn", "factor": 2}})").rope.original_context, 128);
}

TEST(HfConfig, RefusesRopeItCannotDo) {
  EXPECT_THAT(refusal(R"({"rope_scaling": {"type": "longrope", "factor": 4}})"),
              HasSubstr("rope_scaling.short_factor is missing"));
  EXPECT_THAT(refusal(R"({"rope_scaling": {"type": "xpos", "factor": 4}})"),
              HasSubstr("rope type \"xpos\" is not supported; supported are default, linear"));
  EXPECT_THAT(refusal(R"({"rope_scaling": {"type": "linear"}})"), HasSubstr("rope_scaling.factor is missing"));
  EXPECT_THAT(refusal(R"({"rope_scaling": {"type": "linear", "factor": 0}})"), HasSubstr("rope factor 0"));
  EXPECT_THAT(refusal(R"({"rope_scaling": {"type": "linear", "factor": "4"}})"), HasSubstr("is not a number"));
  EXPECT_THAT(refusal(R"({"rope_scaling": 3})"), HasSubstr("rope_scaling = 3 is not an object"));
  EXPECT_THAT(refusal(R"({"rope_parameters": {"full_attention": {"rope_type": "default"}}})"),
              HasSubstr("rope parameters differ by layer type"));
  EXPECT_THAT(refusal(R"({"head_dim": 7})"), HasSubstr("rotary dimension 7 is not even"));
  EXPECT_THAT(refusal(R"({"rope_theta": -1})"), HasSubstr("rope theta -1"));
}

TEST(HfConfig, EveryMistralLayerHasTheWindow) {
  EXPECT_THAT(accepted("mistral", R"({"sliding_window": 9})").windows, ElementsAre(9, 9));
  EXPECT_THAT(accepted("mistral", R"({"sliding_window": null})").windows, ElementsAre(0, 0));
  EXPECT_THAT(accepted("mistral").windows, ElementsAre(4096, 4096));
  EXPECT_THAT(accepted("llama", R"({"sliding_window": 9})").windows, ElementsAre(0, 0));
}

TEST(HfConfig, QwenLayersHaveWindowsOneByOne) {
  EXPECT_THAT(accepted("qwen2", R"({"sliding_window": 9})").windows, ElementsAre(0, 0));
  EXPECT_THAT(accepted("qwen2", R"({"sliding_window": 9, "use_sliding_window": true, "max_window_layers": 1})").windows,
              ElementsAre(0, 9));
  EXPECT_THAT(accepted("qwen3", R"({"sliding_window": 9, "use_sliding_window": true,
                                    "layer_types": ["sliding_attention", "full_attention"]})")
                  .windows,
              ElementsAre(9, 0));
  EXPECT_THAT(accepted("qwen3", R"({"layer_types": ["full_attention", "full_attention"]})").windows, ElementsAre(0, 0));
  EXPECT_THAT(refusal(R"({"layer_types": ["full_attention"]})", "qwen3"), HasSubstr("1 entries for 2 layers"));
  EXPECT_THAT(refusal(R"({"layer_types": ["sliding_attention", "full_attention"]})", "qwen3"),
              HasSubstr("layer 0 is sliding_attention, but there is no window"));
  EXPECT_THAT(refusal(R"({"layer_types": ["linear_attention", "full_attention"]})", "qwen3"),
              HasSubstr("layer_types has \"linear_attention\""));
  EXPECT_THAT(refusal(R"({"sliding_window": -3})", "mistral"), HasSubstr("sliding_window = -3"));
}

TEST(HfConfig, RefusesOtherArchitecturesByName) {
  const auto config = read_hf_config(config_text("mamba", "{}"), "config.json");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(config.error().message(),
              AllOf(HasSubstr("config.json: the architecture \"mamba\" is not supported; supported are "),
                    HasSubstr("llama, mistral")));
  EXPECT_THAT(refusal(R"({"architectures": ["LlamaForSequenceClassification"]})"),
              HasSubstr("the architecture \"LlamaForSequenceClassification\" is not supported"));
  EXPECT_THAT(refusal(R"({"hidden_act": "xielu"})"), HasSubstr("hidden_act \"xielu\" is not supported"));
}

TEST(HfConfig, RefusesNonsense) {
  for (const char* key : {"num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads",
                          "vocab_size", "intermediate_size", "max_position_embeddings", "head_dim"}) {
    for (const char* value : {"0", "-1", "9223372036854775807", "1e300", "\"4\"", "[4]", "18446744073709551615"}) {
      const std::string changes = "{\"" + std::string(key) + "\": " + value + "}";
      EXPECT_NE(refusal(changes), "accepted") << changes;
    }
  }
  EXPECT_THAT(refusal(R"({"hidden_size": null})"), HasSubstr("hidden_size is missing"));
  EXPECT_THAT(refusal(R"({"num_key_value_heads": 3})"),
              HasSubstr("4 attention heads are not a multiple of 3 key-value heads"));
  EXPECT_THAT(refusal(R"({"rms_norm_eps": -1})"), HasSubstr("norm epsilon -1"));
  EXPECT_FALSE(read_hf_config("[]", "config.json"));
  EXPECT_FALSE(read_hf_config("{", "config.json"));
  EXPECT_THAT(read_hf_config("{}", "config.json").error().message(), HasSubstr("model_type is missing"));
}

}  // namespace
}  // namespace bp
