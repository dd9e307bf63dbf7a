#include "model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/opset.h"
#include "model_files.h"

namespace bp {
namespace {

using test::GgufWriter;
using test::tiny_gguf;
using test::TinyModel;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const GgufWriter& writer) {
  const test::TempFolder folder;
  const auto model = Model::open(folder.write("m.gguf", writer.bytes()));
  return model ? "accepted" : model.error().message();
}

std::string refusal(const TinyModel& files) {
  const test::TempFolder folder;
  files.write(folder);
  const auto model = Model::open(folder.path());
  return model ? "accepted" : model.error().message();
}

TEST(Model, OpensGgufAndItsFolderAlike) {
  const test::TempFolder folder;
  TinyModel().write(folder);
  const auto hf = Model::open(folder.path());
  ASSERT_TRUE(hf) << hf.error().message();
  const auto gguf = Model::open(folder.write("m.gguf", tiny_gguf().bytes()));
  ASSERT_TRUE(gguf) << gguf.error().message();
  EXPECT_EQ(hf->gguf(), nullptr);
  EXPECT_NE(gguf->gguf(), nullptr);
  EXPECT_EQ(hf->folder(), folder.path());
  EXPECT_EQ(gguf->folder(), "");
  for (const Model* model : {&*hf, &*gguf}) {
    EXPECT_EQ(model->config().vocab, 16);
    EXPECT_EQ(model->config().head_dim, 8);
    EXPECT_FALSE(model->config().tied_head);
    EXPECT_EQ(model->rope().global.inv_freq.size(), 4u);
  }
}

TEST(Model, LlamaGgufRotatesNeighboursAndOthersHalves) {
  for (const char* architecture : {"llama", "qwen2"}) {
    const test::TempFolder folder;
    const auto model = Model::open(folder.write("m.gguf", tiny_gguf(architecture).bytes()));
    ASSERT_TRUE(model) << model.error().message();
    const auto graph = model->build_graph({});
    ASSERT_TRUE(graph) << graph.error().message();
    int n_rope = 0;
    for (const Node& node : graph->nodes) {
      if (node.op->name != "rope") continue;
      ++n_rope;
      EXPECT_EQ(node.attr_int("mode"), std::string_view(architecture) == "llama" ? 1 : 0);
    }
    EXPECT_EQ(n_rope, 4);
  }
}

TEST(Model, BuildsTheGraphOfTheContract) {
  const test::TempFolder folder;
  const auto model = Model::open(folder.write("m.gguf", tiny_gguf("llama", DType::kQ8_0).bytes()));
  ASSERT_TRUE(model) << model.error().message();
  for (const DType act : {DType::kF32, DType::kBF16}) {
    const auto graph = model->build_graph({.max_tokens = 64,
                                           .max_seqs = 4,
                                           .max_outputs = 4,
                                           .page_size = 16,
                                           .n_pages = 10,
                                           .max_pages_per_seq = 8,
                                           .kv_dtype = DType::kF16,
                                           .act_dtype = act});
    ASSERT_TRUE(graph) << graph.error().message();
    std::vector<std::string> inputs;
    for (const ValueId id : graph->inputs) inputs.push_back(graph->value(id).name);
    EXPECT_THAT(inputs, ElementsAre("token_ids", "positions", "slots", "page_table", "seq_start", "seq_len",
                                    "output_rows", "k.0", "v.0", "k.1", "v.1"));
    const Value& k = graph->value(graph->find("k.1"));
    EXPECT_EQ(k.role, Role::kKv);
    EXPECT_EQ(k.dtype, DType::kF16);
    EXPECT_THAT(k.dims, ElementsAre(Extent::fixed(10), Extent::fixed(2), Extent::fixed(16), Extent::fixed(8)));
    ASSERT_EQ(graph->outputs.size(), 1u);
    const Value& logits = graph->value(graph->outputs[0]);
    EXPECT_EQ(logits.name, "logits");
    EXPECT_EQ(logits.dtype, DType::kF32);
    EXPECT_EQ(logits.dims[1], Extent::fixed(16));
    EXPECT_EQ(graph->max_size(logits.dims[0]), 4);
    EXPECT_NE(graph->find("rope.freqs"), kNone);
    EXPECT_NE(graph->find("blk.1.ffn_down.weight"), kNone);
    EXPECT_EQ(graph->value(graph->find("blk.1.ffn_down.weight")).dtype, DType::kQ8_0);
  }
}

TEST(Model, GraphOutlivesAMoveOfTheModel) {
  const test::TempFolder folder;
  auto opened = Model::open(folder.write("m.gguf", tiny_gguf().bytes()));
  ASSERT_TRUE(opened) << opened.error().message();
  const auto graph = opened->build_graph({});
  ASSERT_TRUE(graph) << graph.error().message();
  const Model moved = std::move(*opened);
  for (const HostTensor& tensor : graph->host_tensors) {
    if (tensor.name != "rope.freqs") continue;
    EXPECT_EQ(static_cast<const void*>(tensor.bytes.data()), moved.rope().global.inv_freq.data());
  }
}

TEST(Model, HeadIsTheEmbeddingWhereTied) {
  const test::TempFolder folder;
  const auto no_head = [](const std::string& name) { return name == "output.weight"; };
  const auto gguf = Model::open(folder.write("m.gguf", tiny_gguf("llama", DType::kF32, no_head).bytes()));
  ASSERT_TRUE(gguf) << gguf.error().message();
  EXPECT_TRUE(gguf->config().tied_head);

  TinyModel files;
  files.tensors.erase("lm_head.weight");
  EXPECT_THAT(refusal(files), HasSubstr("tensor lm_head.weight is missing"));
  files.config["tie_word_embeddings"] = true;
  EXPECT_EQ(refusal(files), "accepted");
}

TEST(Model, TakesBiasesThatAreThere) {
  TinyModel files;
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    files.tensors[std::string(layer) + "self_attn.o_proj.bias"] = {{32}};
    files.tensors[std::string(layer) + "mlp.up_proj.bias"] = {{64}};
  }
  const test::TempFolder folder;
  files.write(folder);
  const auto model = Model::open(folder.path());
  ASSERT_TRUE(model) << model.error().message();
  const auto graph = model->build_graph({});
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_NE(graph->find("blk.1.ffn_up.bias"), kNone);
  files.config["attention_bias"] = true;
  EXPECT_THAT(refusal(files), HasSubstr("tensor model.layers.0.self_attn.q_proj.bias is missing"));
}

TEST(Model, RefusesMissingUnknownAndMisshapenWeights) {
  TinyModel missing;
  missing.tensors.erase("model.layers.1.mlp.up_proj.weight");
  EXPECT_THAT(refusal(missing), HasSubstr("tensor model.layers.1.mlp.up_proj.weight is missing"));
  TinyModel misshapen;
  misshapen.tensors["model.layers.1.mlp.up_proj.weight"] = {{32, 64}};
  EXPECT_THAT(refusal(misshapen), HasSubstr("up_proj.weight is [32, 64], the configuration says [64, 32]"));
  TinyModel unknown;
  unknown.tensors["model.layers.0.self_attn.k_scale"] = {{1}};
  EXPECT_THAT(refusal(unknown), HasSubstr("self_attn.k_scale is no part of a llama model of 2 layers"));
  TinyModel more_layers;
  more_layers.config["num_hidden_layers"] = 1;
  EXPECT_THAT(refusal(more_layers), HasSubstr("is no part of a llama model of 1 layers"));
  TinyModel fewer_layers;
  fewer_layers.config["num_hidden_layers"] = 4000;
  EXPECT_THAT(refusal(fewer_layers), HasSubstr("tensor model.layers.2.input_layernorm.weight is missing"));
  TinyModel old_checkpoint;
  old_checkpoint.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {{4}};
  EXPECT_EQ(refusal(old_checkpoint), "accepted");
}

TEST(Model, RefusesWeightTypesItCannotRead) {
  GgufWriter writer = tiny_gguf("llama", DType::kF32, [](const std::string& name) { return name == "output.weight"; });
  writer.raw_tensor("output.weight", {32, 16}, 24, std::string(512, '\0'));  // i8
  EXPECT_THAT(refusal(writer), HasSubstr("tensor output.weight is i8, which is not supported there"));
  GgufWriter norm =
      tiny_gguf("llama", DType::kF32, [](const std::string& name) { return name == "output_norm.weight"; });
  norm.tensor("output_norm.weight", {32}, std::vector<float>(32, 1.0f), DType::kQ8_0);
  EXPECT_THAT(refusal(norm), HasSubstr("tensor output_norm.weight is q8_0"));
}

TEST(Model, RefusesGgufModelsOfOtherKinds) {
  EXPECT_THAT(refusal(tiny_gguf("mamba")),
              HasSubstr("the architecture \"mamba\" is not supported; supported are llama, "));
  GgufWriter experts = tiny_gguf();
  experts.u32("llama.expert_count", 8);
  experts.u32("llama.expert_used_count", 9);
  EXPECT_THAT(refusal(experts), HasSubstr("9 of 8 experts for a token"));
  GgufWriter longrope = tiny_gguf();
  longrope.text("llama.rope.scaling.type", "longrope");
  EXPECT_THAT(refusal(longrope), HasSubstr("0 rope frequency factors for 4 frequencies"));
  GgufWriter nothing;
  EXPECT_THAT(refusal(nothing), HasSubstr("general.architecture is missing"));
  GgufWriter half;
  half.text("general.architecture", "llama");
  EXPECT_THAT(refusal(half), HasSubstr("llama.block_count is missing"));
}

TEST(Model, ReadsGgufVariants) {
  const test::TempFolder folder;
  const auto open = [&](const GgufWriter& writer) {
    auto model = Model::open(folder.write("m.gguf", writer.bytes()));
    EXPECT_TRUE(model) << model.error().message();
    return model ? model->config() : ModelConfig{};
  };
  GgufWriter yarn = tiny_gguf();
  yarn.text("llama.rope.scaling.type", "yarn");
  yarn.f32("llama.rope.scaling.factor", 4);
  yarn.u32("llama.rope.scaling.original_context_length", 32);
  yarn.f32("llama.rope.freq_base", 500000);
  const ModelConfig config = open(yarn);
  EXPECT_EQ(config.rope.type, RopeType::kYarn);
  EXPECT_EQ(config.rope.original_context, 32);
  EXPECT_NEAR(*config.rope.attention_factor, 1.138629436111989, 1e-12);

  GgufWriter linear = tiny_gguf();
  linear.f32("llama.rope.scale_linear", 2);
  EXPECT_EQ(open(linear).rope.type, RopeType::kLinear);
  GgufWriter window = tiny_gguf();
  window.u32("llama.attention.sliding_window", 5);
  window.array<uint8_t>("llama.attention.sliding_window_pattern", 7, {1, 0});
  EXPECT_THAT(open(window).windows, ElementsAre(5, 0));
  GgufWriter freqs = tiny_gguf();
  freqs.tensor("rope_freqs.weight", {4}, {1, 2, 4, 8});
  EXPECT_THAT(open(freqs).rope.divisors, ElementsAre(1, 2, 4, 8));
  GgufWriter wrong = tiny_gguf();
  wrong.tensor("rope_freqs.weight", {3}, {1, 2, 4});
  EXPECT_THAT(refusal(wrong), HasSubstr("3 rope frequency factors for 4 frequencies"));
  GgufWriter partial = tiny_gguf();
  partial.u32("llama.rope.dimension_count", 6);
  EXPECT_EQ(open(partial).rope.n_rot, 6);
  GgufWriter vocab = tiny_gguf();
  vocab.u32("llama.vocab_size", 17);
  EXPECT_THAT(refusal(vocab), HasSubstr("token_embd.weight is [16, 32], the configuration says [17, 32]"));
}

TEST(Model, GgufNumbersMayBeArraysThatAgree) {
  const test::TempFolder folder;
  const auto with_ffn = [](std::vector<int32_t> sizes) {
    GgufWriter writer;
    writer.text("general.architecture", "llama");
    writer.array<int32_t>("llama.feed_forward_length", 5, sizes);
    for (const char* key : {"block_count", "context_length", "embedding_length", "attention.head_count"}) {
      writer.u32(std::string("llama.") + key, 2);
    }
    writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    return refusal(writer);
  };
  EXPECT_THAT(with_ffn({64, 64}), HasSubstr("tensor token_embd.weight is missing"));  // so the array was taken
  EXPECT_THAT(with_ffn({64, 32}), HasSubstr("llama.feed_forward_length differs between layers"));
  EXPECT_THAT(with_ffn({}), HasSubstr("differs between layers"));
}

TEST(Model, RefusesAbsurdGgufSizes) {
  for (const char* key :
       {"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "attention.key_length", "vocab_size", "rope.dimension_count"}) {
    for (const uint64_t value : {uint64_t{0}, uint64_t{7}, UINT64_MAX, uint64_t{INT64_MAX}, uint64_t{1} << 33}) {
      GgufWriter writer;
      writer.text("general.architecture", "llama");
      for (const char* usual :
           {"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"}) {
        if (std::string_view(usual) != key) writer.u32(std::string("llama.") + usual, 4);
      }
      writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
      writer.number<uint64_t>(std::string("llama.") + key, 10, value);
      writer.tensor("token_embd.weight", {16, 32}, test::TinyTensor{{16, 32}}.values());
      EXPECT_NE(refusal(writer), "accepted") << key << " " << value;
    }
  }
}

TEST(Model, SaysWhatAPathShouldBe) {
  const test::TempFolder folder;
  EXPECT_THAT(Model::open(folder.path() + "/none.gguf").error().message(), HasSubstr("cannot open"));
  EXPECT_THAT(Model::open(folder.path()).error().message(), HasSubstr("config.json"));
  const std::string config = folder.write("config.json", "{}");
  EXPECT_THAT(Model::open(config).error().message(), HasSubstr("name the folder"));
  EXPECT_THAT(Model::open(folder.write("x.txt", "hello")).error().message(), HasSubstr("is not a GGUF file"));
}

TEST(Model, FindsEndTokensAndTokenizerFiles) {
  const test::TempFolder folder;
  TinyModel files;
  files.config["eos_token_id"] = 2;
  files.write(folder);
  const auto model = Model::open(folder.path());
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_THAT(*model->end_tokens(), ElementsAre(2));
  folder.write("generation_config.json", R"({"eos_token_id": [5, 7]})");
  EXPECT_THAT(*model->end_tokens(), ElementsAre(5, 7));
  folder.write("generation_config.json", R"({"eos_token_id": "x"})");
  EXPECT_FALSE(model->end_tokens());
  EXPECT_EQ(model->folder_file("tokenizer.json"), "");
  folder.write("tokenizer.json", "{}");
  EXPECT_EQ(model->folder_file("tokenizer.json"), folder.path() + "/tokenizer.json");

  GgufWriter writer = tiny_gguf();
  writer.u32("tokenizer.ggml.eos_token_id", 3);
  writer.u32("tokenizer.ggml.eot_token_id", 9);
  const auto gguf = Model::open(folder.write("m.gguf", writer.bytes()));
  ASSERT_TRUE(gguf) << gguf.error().message();
  EXPECT_THAT(*gguf->end_tokens(), ElementsAre(3, 9));
}

}  // namespace
}  // namespace bp
