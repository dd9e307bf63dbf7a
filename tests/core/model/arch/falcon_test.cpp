#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../model_files.h"
#include "model/model.h"

namespace bp {
namespace {

using test::TinyModel;
using testing::HasSubstr;

// 1 layer, hidden 32, 4 heads of 8, one key-value head, vocabulary 16: the first style, as Falcon 7B has it.
TinyModel tiny_falcon() {
  TinyModel files;
  files.config = {{"model_type", "falcon"},   {"architectures", {"FalconForCausalLM"}},
                  {"num_hidden_layers", 1},   {"hidden_size", 32},
                  {"num_attention_heads", 4}, {"vocab_size", 16}};
  files.tensors.clear();
  const std::string t = "transformer.";
  for (const char* norm : {"ln_f", "h.0.input_layernorm"}) {
    files.tensors[t + norm + ".weight"] = files.tensors[t + norm + ".bias"] = {{32}};
  }
  files.tensors[t + "word_embeddings.weight"] = {{16, 32}};
  files.tensors[t + "h.0.self_attention.query_key_value.weight"] = {{48, 32}};
  files.tensors[t + "h.0.self_attention.dense.weight"] = {{32, 32}};
  files.tensors[t + "h.0.mlp.dense_h_to_4h.weight"] = {{128, 32}};
  files.tensors[t + "h.0.mlp.dense_4h_to_h.weight"] = {{32, 128}};
  return files;
}

std::string refusal(const TinyModel& files) {
  const test::TempFolder folder;
  files.write(folder);
  const auto model = Model::open(folder.path());
  return model ? "accepted" : model.error().message();
}

ModelConfig config_of(const TinyModel& files) {
  const auto config = read_hf_config(write_json(files.config), "config.json");
  EXPECT_TRUE(config) << config.error().message();
  return config.value_or(ModelConfig{});
}

TEST(Falcon, ReadsTheStylesOfItsBlocks) {
  TinyModel files = tiny_falcon();
  ModelConfig config = config_of(files);
  EXPECT_EQ(config.n_kv_heads, 1);
  EXPECT_TRUE(config.parallel && config.tied_head);
  EXPECT_EQ(config.parallel_norms, 1);
  EXPECT_EQ(config.activation, Activation::kGelu);
  EXPECT_EQ(config.context, 2048);
  files.config["multi_query"] = false;
  files.config["parallel_attn"] = false;
  config = config_of(files);
  EXPECT_EQ(config.n_kv_heads, 4);
  EXPECT_FALSE(config.parallel);
  files = tiny_falcon();
  files.config["new_decoder_architecture"] = true;
  files.config["num_kv_heads"] = 2;
  config = config_of(files);
  EXPECT_EQ(config.n_kv_heads, 2);
  EXPECT_EQ(config.parallel_norms, 2);
}

TEST(Falcon, ReadsTheNamesOfTheFirstFiles) {
  TinyModel files = tiny_falcon();
  files.config = {{"model_type", "RefinedWeb"},
                  {"architectures", {"RWForCausalLM"}},
                  {"n_layer", 1},
                  {"hidden_size", 32},
                  {"n_head", 4},
                  {"n_head_kv", 2},
                  {"vocab_size", 16}};
  ModelConfig config = config_of(files);
  EXPECT_EQ(config.n_kv_heads, 2);  // as Falcon 40B
  EXPECT_EQ(config.parallel_norms, 2);
  files.config["model_type"] = "RefinedWebModel";
  config = config_of(files);
  EXPECT_EQ(config.n_kv_heads, 1);  // as Falcon 7B
  EXPECT_EQ(refusal(files), "accepted");
}

TEST(Falcon, GathersQueriesKeysAndValuesAsGgufHasThem) {
  const test::TempFolder folder;
  TinyModel files = tiny_falcon();
  files.config["new_decoder_architecture"] = true;
  files.config["num_kv_heads"] = 2;
  files.config["num_ln_in_parallel_attn"] = 1;
  files.tensors["transformer.h.0.self_attention.query_key_value.weight"] = {{64, 32}};
  folder.write("config.json", write_json(files.config));
  test::SafetensorsWriter writer;
  for (const auto& [name, tensor] : files.tensors) {
    std::vector<float> values = tensor.values();
    for (size_t i = 0; i < values.size() && name.find("query_key_value") != std::string::npos; ++i) {
      values[i] = static_cast<float>(i / (32 * 8));  // which head of the file
    }
    writer.tensor(name, tensor.dims, values);
  }
  folder.write("model.safetensors", writer.bytes());
  const auto model = Model::open(folder.path());
  ASSERT_TRUE(model) << model.error().message();
  const WeightView* qkv = model->weights().find("blk.0.attn_qkv.weight");
  std::vector<float> heads;
  for (size_t head = 0; head < 8; ++head) {
    float value = 0;
    std::memcpy(&value, qkv->bytes.data() + head * 8 * 32 * sizeof(float), sizeof(value));
    heads.push_back(value);
  }
  EXPECT_THAT(heads, testing::ElementsAre(0, 1, 4, 5, 2, 6, 3, 7));
}

TEST(Falcon, RefusesWhatItCannotRun) {
  TinyModel files = tiny_falcon();
  files.config["new_decoder_architecture"] = true;
  files.config["parallel_attn"] = false;
  EXPECT_THAT(refusal(files), HasSubstr("new_decoder_architecture with parallel_attn false"));
  files = tiny_falcon();
  files.config["new_decoder_architecture"] = true;
  files.config["num_ln_in_parallel_attn"] = 3;
  EXPECT_THAT(refusal(files), HasSubstr("num_ln_in_parallel_attn"));
  files = tiny_falcon();
  files.config["bias"] = true;
  EXPECT_THAT(refusal(files), HasSubstr("self_attention.query_key_value.bias is missing"));
  files = tiny_falcon();
  files.config["alibi"] = true;
  EXPECT_EQ(refusal(files), "accepted");
  EXPECT_EQ(config_of(files).context, 8192);
  files.config["max_position_embeddings"] = INT32_MAX;
  EXPECT_THAT(refusal(files), HasSubstr("ALiBi of 4 heads over 2147483647 tokens is not supported"));
  files = tiny_falcon();
  files.config["num_attention_heads"] = 5;
  EXPECT_THAT(refusal(files), HasSubstr("hidden_size 32 is not a multiple"));
}

}  // namespace
}  // namespace bp
