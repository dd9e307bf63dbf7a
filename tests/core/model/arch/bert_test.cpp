#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "../model_files.h"
#include "model/model.h"

namespace bp {
namespace {

using test::TinyModel;
using testing::HasSubstr;

// 1 layer, hidden 32, 4 heads of 8, ffn 64, vocabulary 16, 24 positions, 2 token types.
TinyModel tiny_bert(const std::string& prefix = "", const char* weight = "weight", const char* bias = "bias") {
  TinyModel files;
  files.config = {{"model_type", "bert"},          {"architectures", {"BertModel"}},
                  {"num_hidden_layers", 1},        {"hidden_size", 32},
                  {"num_attention_heads", 4},      {"intermediate_size", 64},
                  {"max_position_embeddings", 24}, {"vocab_size", 16},
                  {"type_vocab_size", 2}};
  files.tensors.clear();
  const auto norm = [&](const std::string& name) {
    files.tensors[prefix + name + "." + weight] = files.tensors[prefix + name + "." + bias] = {{32}};
  };
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    files.tensors[prefix + name + ".weight"] = {{out, in}};
    files.tensors[prefix + name + ".bias"] = {{out}};
  };
  files.tensors[prefix + "embeddings.word_embeddings.weight"] = {{16, 32}};
  files.tensors[prefix + "embeddings.position_embeddings.weight"] = {{24, 32}};
  files.tensors[prefix + "embeddings.token_type_embeddings.weight"] = {{2, 32}};
  norm("embeddings.LayerNorm");
  const std::string layer = "encoder.layer.0.";
  for (const char* part : {"query", "key", "value"}) linear(layer + "attention.self." + part, 32, 32);
  linear(layer + "attention.output.dense", 32, 32);
  norm(layer + "attention.output.LayerNorm");
  linear(layer + "intermediate.dense", 64, 32);
  linear(layer + "output.dense", 32, 64);
  norm(layer + "output.LayerNorm");
  return files;
}

std::string refusal(const TinyModel& files) {
  const test::TempFolder folder;
  files.write(folder);
  const auto model = Model::open(folder.path());
  return model ? "accepted" : model.error().message();
}

// A folder with modules.json and 1_Pooling/config.json.
class SentenceModules : public testing::Test {
 protected:
  void SetUp() override {
    tiny_bert().write(folder_);
    std::filesystem::create_directory(folder_.path() + "/1_Pooling");
  }

  void write(const std::string& modules, const std::string& pooling = R"({"pooling_mode_mean_tokens": true})") const {
    folder_.write("modules.json", modules);
    folder_.write("1_Pooling/config.json", pooling);
  }

  std::string refusal() const {
    const auto model = Model::open(folder_.path());
    return model ? "accepted" : model.error().message();
  }

  ModelConfig config() const {
    const auto model = Model::open(folder_.path());
    EXPECT_TRUE(model) << model.error().message();
    return model ? model->config() : ModelConfig{};
  }

  static constexpr const char* kUsual = R"([
    {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])";
  test::TempFolder folder_;
};

TEST(Bert, OpensFoldersOfEachSpelling) {
  TinyModel pretrained = tiny_bert("bert.");
  pretrained.config["architectures"] = json::array{"BertForPreTraining"};
  pretrained.tensors["bert.pooler.dense.weight"] = {{32, 32}};
  pretrained.tensors["cls.seq_relationship.weight"] = {{2, 32}};
  for (const TinyModel& files : {tiny_bert(), pretrained, tiny_bert("", "gamma", "beta")}) {
    const test::TempFolder folder;
    files.write(folder);
    const auto model = Model::open(folder.path());
    ASSERT_TRUE(model) << model.error().message();
    EXPECT_EQ(model->config().activation, Activation::kGelu);
    EXPECT_EQ(model->config().norm_eps, 1e-12);
    EXPECT_EQ(model->config().pooling, Pooling::kMean);
    EXPECT_FALSE(model->config().normalize_embedding);
    const auto graph = model->build_graph({.max_tokens = 64, .max_seqs = 4});
    ASSERT_TRUE(graph) << graph.error().message();
    ASSERT_EQ(graph->outputs.size(), 1u);
    const Value& embedding = graph->value(graph->outputs[0]);
    EXPECT_EQ(embedding.name, "embedding");
    EXPECT_EQ(embedding.dtype, DType::kF32);
    EXPECT_EQ(graph->max_size(embedding.dims[0]), 4);
    EXPECT_EQ(embedding.dims[1], Extent::fixed(32));
    for (const ValueId id : graph->inputs) EXPECT_NE(graph->value(id).role, Role::kKv);
  }
}

TEST(Bert, RefusesWhatItCannotRun) {
  TinyModel files = tiny_bert();
  files.config["position_embedding_type"] = "relative_key";
  EXPECT_THAT(refusal(files), HasSubstr("position_embedding_type \"relative_key\" is not supported"));
  files = tiny_bert();
  files.config["is_decoder"] = true;
  EXPECT_THAT(refusal(files), HasSubstr("is_decoder is set"));
  files = tiny_bert();
  files.config["architectures"] = json::array{"BertForSequenceClassification"};
  EXPECT_THAT(refusal(files), HasSubstr("BertForSequenceClassification"));
  files = tiny_bert();
  files.config["hidden_act"] = "mish";
  EXPECT_THAT(refusal(files), HasSubstr("hidden_act \"mish\" is not supported"));
  files = tiny_bert();
  files.config["type_vocab_size"] = 3;
  EXPECT_THAT(refusal(files), HasSubstr("token type embeddings: are [2, 32], the configuration says [3, 32]"));
  files.tensors.erase("embeddings.token_type_embeddings.weight");
  EXPECT_THAT(refusal(files), HasSubstr("token type embeddings: are missing"));
  files = tiny_bert();
  files.config["max_position_embeddings"] = 512;
  EXPECT_THAT(refusal(files), HasSubstr("position_embeddings.weight is [24, 32], the configuration says [512, 32]"));
  files = tiny_bert();
  files.tensors.erase("encoder.layer.0.output.LayerNorm.bias");
  EXPECT_THAT(refusal(files), HasSubstr("encoder.layer.0.output.LayerNorm.bias is missing"));
  files = tiny_bert();
  files.tensors["encoder.layer.0.crossattention.self.query.weight"] = {{32, 32}};
  EXPECT_THAT(refusal(files), HasSubstr("crossattention.self.query.weight is no part of a bert model of 1 layers"));
}

TEST_F(SentenceModules, SayHowTextsArePooled) {
  write(kUsual);
  EXPECT_EQ(config().pooling, Pooling::kMean);
  EXPECT_TRUE(config().normalize_embedding);
  write(kUsual, R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  EXPECT_EQ(config().pooling, Pooling::kCls);
  write(kUsual, R"({"pooling_mode": "lasttoken", "embedding_dimension": 32})");
  EXPECT_EQ(config().pooling, Pooling::kLast);
  write(kUsual, R"({"pooling_mode": ["mean"]})");
  EXPECT_EQ(config().pooling, Pooling::kMean);
  write(kUsual, "{}");
  EXPECT_EQ(config().pooling, Pooling::kMean);
}

TEST_F(SentenceModules, LimitTheInput) {
  EXPECT_EQ(config().max_input, 0);
  folder_.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(config().max_input, 0);
  folder_.write("tokenizer_config.json", R"({"model_max_length": 20})");
  EXPECT_EQ(config().max_input, 20);
  folder_.write("sentence_bert_config.json", R"({"max_seq_length": 16, "do_lower_case": false})");
  EXPECT_EQ(config().max_input, 16);
  folder_.write("sentence_bert_config.json", R"({"max_seq_length": 0})");
  EXPECT_THAT(refusal(), HasSubstr("max_seq_length 0 is no length"));
}

TEST_F(SentenceModules, OfOtherKindsAreRefusedByName) {
  write(kUsual, R"({"pooling_mode_max_tokens": true})");
  EXPECT_THAT(refusal(), HasSubstr("pooling max is not supported; supported are mean, cls and lasttoken"));
  write(kUsual, R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})");
  EXPECT_THAT(refusal(), HasSubstr("pooling cls + mean is not supported"));
  write(kUsual, R"({"pooling_mode": ["mean", "max"]})");
  EXPECT_THAT(refusal(), HasSubstr(R"(pooling_mode ["mean", "max"] is not supported)"));
  write(R"([{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}])");
  EXPECT_THAT(refusal(), HasSubstr("module sentence_transformers.models.Dense is not supported"));
  write(R"([{"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}])");
  EXPECT_THAT(refusal(), HasSubstr("the transformer lies in 0_Transformer"));
}

TEST_F(SentenceModules, ThatAreMalformedAreRefused) {
  for (const char* modules : {"", "{}", "[1]", "[{}]", R"([{"type": 1}])", R"([{"type": "Pooling"}])",
                              R"([{"type": "x.Pooling", "path": "../1_Pooling"}])",
                              R"([{"type": "x.Pooling", "path": "none"}])", R"([{"type": ""}])"}) {
    write(modules);
    EXPECT_NE(refusal(), "accepted") << modules;
  }
  for (const char* pooling : {"", "[]", R"({"pooling_mode": 1})", R"({"pooling_mode_mean_tokens": "yes"})"}) {
    write(kUsual, pooling);
    EXPECT_NE(refusal(), "accepted") << pooling;
  }
}

}  // namespace
}  // namespace bp
