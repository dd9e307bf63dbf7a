// DeepSeek's switches, and the forms its latent weights come in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "../model_files.h"
#include "graph/opset.h"
#include "model/model.h"
#include "model/weight_rows.h"

namespace bp {
namespace {

using test::GgufWriter;
using test::TinyModel;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kHeads = 2, kNope = 32, kRope = 8, kValue = 32, kRank = 32, kHidden = 32;

json::object v3_config(std::string_view changes = "{}") {
  json::object config = {{"model_type", "deepseek_v3"},
                         {"num_hidden_layers", 2},
                         {"hidden_size", kHidden},
                         {"num_attention_heads", kHeads},
                         {"intermediate_size", 48},
                         {"vocab_size", 16},
                         {"q_lora_rank", nullptr},
                         {"kv_lora_rank", kRank},
                         {"qk_nope_head_dim", kNope},
                         {"qk_rope_head_dim", kRope},
                         {"v_head_dim", kValue},
                         {"n_routed_experts", 8},
                         {"num_experts_per_tok", 2},
                         {"moe_intermediate_size", 16},
                         {"n_group", 4},
                         {"topk_group", 2},
                         {"first_k_dense_replace", 1}};
  const auto parsed = parse_json(changes, "test");
  for (const auto& [key, value] : parsed->get_object()) config[key] = value;
  return config;
}

ModelConfig accepted(std::string_view changes = "{}") {
  const auto config = read_hf_config(write_json(v3_config(changes)), "config.json");
  EXPECT_TRUE(config) << config.error().message();
  return config.value_or(ModelConfig{});
}

std::string refusal(std::string_view changes) {
  const auto config = read_hf_config(write_json(v3_config(changes)), "config.json");
  return config ? "accepted" : config.error().message();
}

// All layers dense.
TinyModel dense_files() {
  TinyModel files;
  files.config = v3_config(R"({"n_routed_experts": null, "num_nextn_predict_layers": 0})");
  files.tensors.clear();
  files.tensors["model.embed_tokens.weight"] = {{16, kHidden}};
  files.tensors["model.norm.weight"] = {{kHidden}};
  files.tensors["lm_head.weight"] = {{16, kHidden}};
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    files.tensors[layer + "input_layernorm.weight"] = {{kHidden}};
    files.tensors[layer + "post_attention_layernorm.weight"] = {{kHidden}};
    files.tensors[layer + "self_attn.q_proj.weight"] = {{kHeads * (kNope + kRope), kHidden}};
    files.tensors[layer + "self_attn.kv_a_proj_with_mqa.weight"] = {{kRank + kRope, kHidden}};
    files.tensors[layer + "self_attn.kv_a_layernorm.weight"] = {{kRank}};
    files.tensors[layer + "self_attn.kv_b_proj.weight"] = {{kHeads * (kNope + kValue), kRank}};
    files.tensors[layer + "self_attn.o_proj.weight"] = {{kHidden, kHeads * kValue}};
    files.tensors[layer + "mlp.gate_proj.weight"] = {{48, kHidden}};
    files.tensors[layer + "mlp.up_proj.weight"] = {{48, kHidden}};
    files.tensors[layer + "mlp.down_proj.weight"] = {{kHidden, 48}};
  }
  return files;
}

std::string refusal(const TinyModel& files) {
  const test::TempFolder folder;
  files.write(folder);
  const auto model = Model::open(folder.path());
  return model ? "accepted" : model.error().message();
}

std::vector<float> kv_b_values() {
  std::vector<float> values(static_cast<size_t>(kHeads * (kNope + kValue) * kRank));
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i) * 0.37f);
  return values;
}

enum class Form { kUnsplit, kStacks, kMatrices };

// A dense model, its latent weights in that form and type.
GgufWriter tiny_deepseek_gguf(Form form, DType dtype = DType::kF32) {
  GgufWriter writer;
  writer.text("general.architecture", "deepseek2");
  const auto key = [](const char* name) { return std::string("deepseek2.") + name; };
  writer.u32(key("block_count"), 1);
  writer.u32(key("context_length"), 128);
  writer.u32(key("embedding_length"), kHidden);
  writer.u32(key("feed_forward_length"), 48);
  writer.u32(key("attention.head_count"), kHeads);
  writer.f32(key("attention.layer_norm_rms_epsilon"), 1e-6f);
  writer.u32(key("attention.kv_lora_rank"), kRank);
  writer.u32(key("rope.dimension_count"), kRope);
  if (form == Form::kUnsplit) {
    writer.u32(key("attention.head_count_kv"), kHeads);
    writer.u32(key("attention.key_length"), kNope + kRope);
    writer.u32(key("attention.value_length"), kValue);
  } else {
    writer.u32(key("attention.head_count_kv"), 1);
    writer.u32(key("attention.key_length"), kRank + kRope);
    writer.u32(key("attention.value_length"), kRank);
    writer.u32(key("attention.key_length_mla"), kNope + kRope);
    writer.u32(key("attention.value_length_mla"), kValue);
  }
  const auto add = [&](const std::string& name, const std::vector<int64_t>& dims) {
    writer.tensor(name, dims, test::TinyTensor{dims}.values());
  };
  add("token_embd.weight", {16, kHidden});
  add("output_norm.weight", {kHidden});
  add("output.weight", {16, kHidden});
  add("blk.0.attn_norm.weight", {kHidden});
  add("blk.0.ffn_norm.weight", {kHidden});
  add("blk.0.attn_q.weight", {kHeads * (kNope + kRope), kHidden});
  add("blk.0.attn_kv_a_mqa.weight", {kRank + kRope, kHidden});
  add("blk.0.attn_kv_a_norm.weight", {kRank});
  add("blk.0.attn_output.weight", {kHidden, kHeads * kValue});
  add("blk.0.ffn_gate.weight", {48, kHidden});
  add("blk.0.ffn_up.weight", {48, kHidden});
  add("blk.0.ffn_down.weight", {kHidden, 48});
  if (form == Form::kUnsplit) {
    writer.tensor("blk.0.attn_kv_b.weight", {kHeads * (kNope + kValue), kRank}, kv_b_values(), dtype);
  } else if (form == Form::kStacks) {
    add("blk.0.attn_k_b.weight", {kHeads, kRank, kNope});
    add("blk.0.attn_v_b.weight", {kHeads, kValue, kRank});
  } else {
    add("blk.0.attn_kv_b.weight", {kHeads * (kNope + kValue), kRank});
    add("blk.0.attn_k_b.weight", {kHeads * kRank, kNope});
    add("blk.0.attn_v_b.weight", {kHeads * kValue, kRank});
  }
  return writer;
}

std::string refusal(const GgufWriter& writer) {
  const test::TempFolder folder;
  const auto model = Model::open(folder.write("m.gguf", writer.bytes()));
  return model ? "accepted" : model.error().message();
}

TEST(Deepseek, ReadsTheRouterOfEachVersion) {
  const ExpertConfig v3 = accepted().experts;
  EXPECT_EQ(v3.gate, ExpertGate::kSigmoid);
  EXPECT_TRUE(v3.group_by_top2 && v3.normalize);
  EXPECT_EQ(v3.scale, 2.5);
  EXPECT_EQ(v3.n_groups, 4);
  EXPECT_EQ(v3.shared_ffn, 16);
  EXPECT_THAT(v3.layers, ElementsAre(false, true));
  const ExpertConfig v2 = accepted(R"({"model_type": "deepseek_v2", "topk_method": "group_limited_greedy",
                                       "n_shared_experts": 2, "norm_topk_prob": true})")
                              .experts;
  EXPECT_EQ(v2.gate, ExpertGate::kSoftmax);
  EXPECT_FALSE(v2.group_by_top2 || v2.normalize);
  EXPECT_EQ(v2.shared_ffn, 32);
  EXPECT_EQ(v2.n_groups_used, 2);
  EXPECT_EQ(accepted(R"({"model_type": "deepseek_v2", "topk_method": "greedy"})").experts.n_groups, 1);
  EXPECT_EQ(accepted(R"({"n_shared_experts": null})").experts.shared_ffn, 0);
  EXPECT_EQ(accepted(R"({"n_routed_experts": null})").experts.n_experts, 0);
  EXPECT_THAT(accepted(R"({"num_hidden_layers": 4, "moe_layer_freq": 2})").experts.layers,
              ElementsAre(false, false, true, false));
}

TEST(Deepseek, SizesOfHeadsFollowFromTheirParts) {
  const ModelConfig config = accepted();
  EXPECT_EQ(config.head_dim, kNope + kRope);
  EXPECT_EQ(config.v_head_dim, kValue);
  EXPECT_EQ(config.rope.n_rot, kRope);
  EXPECT_TRUE(config.rope.interleaved);
  EXPECT_FALSE(accepted(R"({"rope_interleave": false})").rope.interleaved);
  EXPECT_EQ(config.latent.q_rank, 0);
  EXPECT_EQ(accepted(R"({"q_lora_rank": 24})").latent.q_rank, 24);
  EXPECT_DOUBLE_EQ(config.attention_scale, 1 / std::sqrt(40.0));
  const ModelConfig stretched = accepted(R"({"rope_scaling": {"type": "yarn", "factor": 40, "mscale": 1.0,
      "mscale_all_dim": 1.0, "original_max_position_embeddings": 64}})");
  const double mscale = 0.1 * std::log(40.0) + 1;
  EXPECT_DOUBLE_EQ(stretched.attention_scale, mscale * mscale / std::sqrt(40.0));
}

TEST(Deepseek, RefusesWhatItsRouterDoesNot) {
  EXPECT_THAT(refusal(R"({"topk_method": "greedy"})"), HasSubstr("topk_method \"greedy\" is not supported; supported "
                                                                 "is noaux_tc"));
  EXPECT_THAT(refusal(R"({"model_type": "deepseek_v2", "topk_method": "noaux_tc"})"),
              HasSubstr("topk_method \"noaux_tc\" is not supported"));
  EXPECT_THAT(refusal(R"({"scoring_func": "softmax"})"), HasSubstr("scoring_func \"softmax\" is not supported"));
  EXPECT_THAT(refusal(R"({"moe_layer_freq": 0})"), HasSubstr("moe_layer_freq = 0 is not a positive number"));
  EXPECT_THAT(refusal(R"({"n_group": 3})"), HasSubstr("2 of 3 groups of 8 experts"));
  EXPECT_THAT(refusal(R"({"n_group": 8})"), HasSubstr("2 of 8 groups of 8 experts"));
  EXPECT_THAT(refusal(R"({"n_shared_experts": 9000000000000000000})"), HasSubstr("shared experts of size 16"));
  EXPECT_THAT(refusal(R"({"kv_lora_rank": 0})"), HasSubstr("rank of keys and values 0 is not between"));
  EXPECT_THAT(refusal(R"({"q_lora_rank": -5})"), HasSubstr("rank of queries -5 is not between"));
  EXPECT_THAT(refusal(R"({"qk_rope_head_dim": 7})"), HasSubstr("rotary dimension 7 is not even"));
}

TEST(Deepseek, LeavesOutLayersThatPredictFurtherTokens) {
  TinyModel files = dense_files();
  EXPECT_EQ(refusal(files), "accepted");
  files.tensors["model.layers.2.eh_proj.weight"] = {{kHidden, 2 * kHidden}};
  files.tensors["model.layers.2.self_attn.o_proj.weight"] = {{1, 1}};
  EXPECT_THAT(refusal(files), HasSubstr("is no part of a deepseek model of 2 layers"));
  files.config["num_nextn_predict_layers"] = 1;
  EXPECT_EQ(refusal(files), "accepted");
  files.tensors["model.layers.3.eh_proj.weight"] = {{kHidden, 2 * kHidden}};
  EXPECT_THAT(refusal(files), HasSubstr("model.layers.3.eh_proj.weight is no part"));
}

TEST(Deepseek, LeavesOutSuchLayersOfGgufFiles) {
  GgufWriter writer = tiny_deepseek_gguf(Form::kStacks);
  writer.tensor("blk.1.nextn.eh_proj.weight", {2, 2}, {1, 1, 1, 1});
  EXPECT_THAT(refusal(writer), HasSubstr("tensor blk.1.nextn.eh_proj.weight is no part"));
  GgufWriter all = tiny_deepseek_gguf(Form::kStacks);
  all.u32("deepseek2.nextn_predict_layers", 1);
  EXPECT_THAT(refusal(all), HasSubstr("1 of 1 layers predict further tokens"));
}

TEST(Deepseek, RefusesLatentWeightsOfOtherShapes) {
  TinyModel files = dense_files();
  files.tensors["model.layers.1.self_attn.kv_b_proj.weight"] = {{kHeads * kNope, kRank}};
  EXPECT_THAT(refusal(files), HasSubstr("blk.1.attn_kv_b.weight is [64, 32], the configuration says [128, 32]"));
  files = dense_files();
  files.tensors.erase("model.layers.1.self_attn.kv_b_proj.weight");
  EXPECT_THAT(refusal(files), HasSubstr("tensor model.layers.1.self_attn.kv_b_proj.weight is missing"));
}

TEST(Deepseek, OpensEveryFormOfGgufFiles) {
  for (const Form form : {Form::kUnsplit, Form::kStacks, Form::kMatrices}) {
    const test::TempFolder folder;
    const auto model = Model::open(folder.write("m.gguf", tiny_deepseek_gguf(form).bytes()));
    ASSERT_TRUE(model) << model.error().message();
    EXPECT_EQ(model->weights().find("blk.0.attn_kv_b.weight"), nullptr);
    EXPECT_THAT(model->weights().find("blk.0.attn_k_b.weight")->dims, ElementsAre(kHeads, kRank, kNope));
    EXPECT_THAT(model->weights().find("blk.0.attn_v_b.weight")->dims, ElementsAre(kHeads, kValue, kRank));
    const auto graph = model->build_graph({});
    ASSERT_TRUE(graph) << graph.error().message();
    const Value& cache = graph->value(graph->find("kv.0"));
    EXPECT_EQ(cache.dims[1], Extent::fixed(1));
    EXPECT_EQ(cache.dims[3], Extent::fixed(kRank + kRope));
  }
}

TEST(Deepseek, TransposesKeysAndDecodesWhatIsQuantised) {
  const std::vector<float> values = kv_b_values();
  for (const DType dtype : {DType::kF32, DType::kQ8_0}) {
    const test::TempFolder folder;
    const auto model = Model::open(folder.write("m.gguf", tiny_deepseek_gguf(Form::kUnsplit, dtype).bytes()));
    ASSERT_TRUE(model) << model.error().message();
    EXPECT_EQ(model->weights().find("blk.0.attn_k_b.weight")->dtype, DType::kF32);
    auto keys = WeightRows::open(model->weights(), "blk.0.attn_k_b");
    auto of_values = WeightRows::open(model->weights(), "blk.0.attn_v_b");
    ASSERT_TRUE(keys && of_values);
    const float bound = dtype == DType::kF32 ? 0.0f : 0.01f;
    std::vector<float> row(static_cast<size_t>(kRank));
    for (int64_t head = 0; head < kHeads; ++head) {
      const float* source = values.data() + head * (kNope + kValue) * kRank;
      for (int64_t r = 0; r < kRank; ++r) {
        keys->read(head * kRank + r, row.data());
        for (int64_t i = 0; i < kNope; ++i) EXPECT_NEAR(row[static_cast<size_t>(i)], source[i * kRank + r], bound);
      }
      for (int64_t i = 0; i < kValue; ++i) {
        of_values->read(head * kValue + i, row.data());
        for (int64_t r = 0; r < kRank; ++r) {
          EXPECT_NEAR(row[static_cast<size_t>(r)], source[(kNope + i) * kRank + r], bound);
        }
      }
    }
  }
}

TEST(Deepseek, RefusesGgufSwitchesItDoesNotHave) {
  GgufWriter gate = tiny_deepseek_gguf(Form::kStacks);
  gate.u32("deepseek2.expert_gating_func", 4);
  EXPECT_THAT(refusal(gate), HasSubstr("deepseek2.expert_gating_func = 4 is neither softmax (1) nor sigmoid (2)"));
  GgufWriter temperature = tiny_deepseek_gguf(Form::kStacks);
  temperature.f32("deepseek2.attention.temperature_scale", 0.1f);
  EXPECT_THAT(refusal(temperature), HasSubstr("the attention's temperature grows with the position"));
  GgufWriter shared = tiny_deepseek_gguf(Form::kStacks);
  shared.u32("deepseek2.expert_shared_count", 4000000000u);
  EXPECT_THAT(refusal(shared), HasSubstr("4000000000 shared experts"));
}

TEST(Deepseek, GgufFilesHoldATenthOfMscale) {
  GgufWriter writer = tiny_deepseek_gguf(Form::kStacks);
  writer.text("deepseek2.rope.scaling.type", "yarn");
  writer.f32("deepseek2.rope.scaling.factor", 40);
  writer.u32("deepseek2.rope.scaling.original_context_length", 64);
  writer.f32("deepseek2.rope.scaling.yarn_log_multiplier", 0.0707f);
  const test::TempFolder folder;
  const auto model = Model::open(folder.write("m.gguf", writer.bytes()));
  ASSERT_TRUE(model) << model.error().message();
  const double mscale = 0.0707 * std::log(40.0) + 1;
  EXPECT_NEAR(model->config().attention_scale, mscale * mscale / std::sqrt(40.0), 1e-7);
  EXPECT_EQ(model->rope().global.attention_factor, 1.0);
}

}  // namespace
}  // namespace bp
