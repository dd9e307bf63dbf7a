#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../model_files.h"
#include "model/model.h"

namespace bp {
namespace {

using test::TinyModel;
using testing::HasSubstr;

// 2 layers, hidden 32, 4 heads of 8, vocabulary 16, 24 positions, as the hub's files name the tensors.
TinyModel tiny_gpt2(const std::string& prefix = "") {
  TinyModel files;
  files.config = {{"model_type", "gpt2"}, {"architectures", {"GPT2LMHeadModel"}},
                  {"n_layer", 2},         {"n_embd", 32},
                  {"n_head", 4},          {"vocab_size", 16},
                  {"n_positions", 24}};
  files.tensors.clear();
  const auto norm = [&](const std::string& name) {
    files.tensors[name + ".weight"] = files.tensors[name + ".bias"] = {{32}};
  };
  const auto conv = [&](const std::string& name, int64_t in, int64_t out) {
    files.tensors[name + ".weight"] = {{in, out}};
    files.tensors[name + ".bias"] = {{out}};
  };
  files.tensors[prefix + "wte.weight"] = {{16, 32}};
  files.tensors[prefix + "wpe.weight"] = {{24, 32}};
  norm(prefix + "ln_f");
  for (const std::string& layer : {prefix + "h.0.", prefix + "h.1."}) {
    norm(layer + "ln_1");
    norm(layer + "ln_2");
    conv(layer + "attn.c_attn", 32, 96);
    conv(layer + "attn.c_proj", 32, 32);
    conv(layer + "mlp.c_fc", 32, 128);
    conv(layer + "mlp.c_proj", 128, 32);
  }
  return files;
}

Result<Model> open(const TinyModel& files, const test::TempFolder& folder) {
  files.write(folder);
  return Model::open(folder.path());
}

std::string refusal(const TinyModel& files) {
  const test::TempFolder folder;
  const auto model = open(files, folder);
  return model ? "accepted" : model.error().message();
}

TEST(Gpt2, OpensFoldersWithAndWithoutThePrefix) {
  for (const char* prefix : {"", "transformer."}) {
    const test::TempFolder folder;
    const auto model = open(tiny_gpt2(prefix), folder);
    ASSERT_TRUE(model) << model.error().message();
    EXPECT_EQ(model->config().context, 24);
    EXPECT_EQ(model->config().ffn, 128);
    EXPECT_EQ(model->config().activation, Activation::kGeluTanh);
    EXPECT_TRUE(model->config().tied_head);
    EXPECT_EQ(model->weights().find("blk.1.attn_qkv.weight")->dims, (std::vector<int64_t>{96, 32}));
    EXPECT_EQ(model->weights().find("blk.1.ffn_down.weight")->dims, (std::vector<int64_t>{32, 128}));
  }
}

TEST(Gpt2, LeavesTheMasksOfOldCheckpointsOut) {
  TinyModel files = tiny_gpt2();
  files.tensors["h.0.attn.bias"] = {{1, 1, 24, 24}};
  files.tensors["h.1.attn.masked_bias"] = {{}};
  EXPECT_EQ(refusal(files), "accepted");
  files.tensors["h.1.attn.rotary"] = {{4}};
  EXPECT_THAT(refusal(files), HasSubstr("tensor h.1.attn.rotary is no part of a gpt2 model of 2 layers"));
}

TEST(Gpt2, ReadsItsSwitches) {
  TinyModel files = tiny_gpt2();
  files.config["scale_attn_weights"] = false;
  files.config["scale_attn_by_inverse_layer_idx"] = true;
  files.config["activation_function"] = "relu";
  const test::TempFolder folder;
  const auto model = open(files, folder);
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->config().attention_scale, 1);
  EXPECT_TRUE(model->config().scale_by_layer);
  EXPECT_EQ(model->config().activation, Activation::kRelu);
}

TEST(Gpt2, RefusesWhatItCannotRun) {
  TinyModel files = tiny_gpt2();
  files.config["add_cross_attention"] = true;
  EXPECT_THAT(refusal(files), HasSubstr("add_cross_attention is set"));
  files = tiny_gpt2();
  files.config["activation_function"] = "mish";
  EXPECT_THAT(refusal(files), HasSubstr("activation_function \"mish\" is not supported"));
  files = tiny_gpt2();
  files.config["n_positions"] = 25;
  EXPECT_THAT(refusal(files), HasSubstr("tensor transformer.wpe.weight is [24, 32], the configuration says [25, 32]"));
  files = tiny_gpt2();
  files.config["n_embd"] = int64_t{1} << 62;
  EXPECT_THAT(refusal(files), HasSubstr("hidden size"));
  files = tiny_gpt2();
  files.config["n_head"] = 5;
  EXPECT_THAT(refusal(files), HasSubstr("hidden_size 32 is not a multiple of num_attention_heads 5"));
  files = tiny_gpt2();
  files.tensors.erase("h.1.mlp.c_fc.bias");
  EXPECT_THAT(refusal(files), HasSubstr("tensor transformer.h.1.mlp.c_fc.bias is missing"));
}

}  // namespace
}  // namespace bp
