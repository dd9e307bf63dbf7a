// Qwen2-MoE and Qwen3-MoE in both formats: which layers have experts, and the forms their tensors come in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../model_files.h"
#include "graph/opset.h"
#include "model/model.h"

namespace bp {
namespace {

using test::GgufWriter;
using test::TinyModel;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kExperts = 4, kExpertFfn = 16;

// TinyModel with experts in every layer.
TinyModel tiny_moe(const std::string& model_type = "qwen3_moe") {
  TinyModel files;
  files.config["model_type"] = model_type;
  files.config.erase("architectures");
  files.config["num_experts"] = kExperts;
  files.config["num_experts_per_tok"] = 2;
  files.config["moe_intermediate_size"] = kExpertFfn;
  files.config["shared_expert_intermediate_size"] = 24;
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    for (const char* name : {"gate_proj", "up_proj", "down_proj"}) {
      files.tensors.erase(layer + "mlp." + name + ".weight");
      const bool down = std::string_view(name) == "down_proj";
      for (int e = 0; e < kExperts; ++e) {
        files.tensors[layer + "mlp.experts." + std::to_string(e) + "." + name + ".weight"] = {
            down ? std::vector<int64_t>{32, kExpertFfn} : std::vector<int64_t>{kExpertFfn, 32}};
      }
    }
    files.tensors[layer + "mlp.gate.weight"] = {{kExperts, 32}};
    for (const char* name : {"self_attn.q_norm.weight", "self_attn.k_norm.weight"}) files.tensors[layer + name] = {{8}};
  }
  return files;
}

std::string refusal(const TinyModel& files) {
  const test::TempFolder folder;
  files.write(folder);
  const auto model = Model::open(folder.path());
  return model ? "accepted" : model.error().message();
}

int count(const Graph& graph, std::string_view op) {
  return static_cast<int>(std::ranges::count_if(graph.nodes, [&](const Node& node) { return node.op->name == op; }));
}

// Ops of the graph of a GGUF file with such experts; a file with one fused tensor, or with separate ones.
Result<Graph> gguf_graph(const std::string& architecture, bool fused, const std::vector<int64_t>& shared_gate) {
  GgufWriter writer = test::tiny_gguf(architecture, DType::kF32, [](const std::string& name) {
    return name.find("ffn_gate") != std::string::npos || name.find("ffn_up") != std::string::npos ||
           name.find("ffn_down") != std::string::npos;
  });
  writer.u32(architecture + ".expert_count", kExperts);
  writer.u32(architecture + ".expert_used_count", 2);
  const auto add = [&](const std::string& name, const std::vector<int64_t>& dims) {
    writer.tensor(name, dims, test::TinyTensor{dims}.values());
  };
  const int64_t ffn = 64 / 2;  // as old files imply it
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    add(layer + "ffn_gate_inp.weight", {kExperts, 32});
    add(layer + "ffn_down_exps.weight", {kExperts, 32, ffn});
    if (fused) {
      add(layer + "ffn_gate_up_exps.weight", {kExperts, 2 * ffn, 32});
    } else {
      add(layer + "ffn_gate_exps.weight", {kExperts, ffn, 32});
      add(layer + "ffn_up_exps.weight", {kExperts, ffn, 32});
    }
    if (architecture == "qwen3moe") {
      add(layer + "attn_q_norm.weight", {8});
      add(layer + "attn_k_norm.weight", {8});
    } else {
      add(layer + "attn_q.bias", {32});
      add(layer + "attn_k.bias", {16});
      add(layer + "attn_v.bias", {16});
      add(layer + "ffn_gate_inp_shexp.weight", shared_gate);
      add(layer + "ffn_gate_shexp.weight", {64, 32});
      add(layer + "ffn_up_shexp.weight", {64, 32});
      add(layer + "ffn_down_shexp.weight", {32, 64});
    }
  }
  const test::TempFolder folder;
  auto model = Model::open(folder.write("m.gguf", writer.bytes()));
  if (!model) return std::unexpected(model.error());
  return model->build_graph({});
}

TEST(QwenMoe, StepAndListDecideWhichLayersHaveExperts) {
  const auto layers = [](const char* changes) {
    TinyModel files = tiny_moe();
    files.config["num_hidden_layers"] = 6;
    const auto parsed = parse_json(changes, "test");
    for (const auto& [key, value] : parsed->get_object()) files.config[key] = value;
    const auto config = read_hf_config(write_json(files.config), "config.json");
    EXPECT_TRUE(config) << config.error().message();
    return config ? config->experts.layers : std::vector<bool>{};
  };
  EXPECT_THAT(layers("{}"), ElementsAre(true, true, true, true, true, true));
  EXPECT_THAT(layers(R"({"decoder_sparse_step": 2})"), ElementsAre(false, true, false, true, false, true));
  EXPECT_THAT(layers(R"({"decoder_sparse_step": 3, "mlp_only_layers": [5]})"),
              ElementsAre(false, false, true, false, false, false));
}

TEST(QwenMoe, RefusesMalformedSwitches) {
  TinyModel files = tiny_moe();
  files.config["decoder_sparse_step"] = 0;
  EXPECT_THAT(refusal(files), HasSubstr("decoder_sparse_step = 0 is not a positive number of layers"));
  files = tiny_moe();
  files.config["mlp_only_layers"] = "all";
  EXPECT_THAT(refusal(files), HasSubstr("mlp_only_layers = \"all\" is not a list of whole numbers"));
  files = tiny_moe();
  files.config["num_experts_per_tok"] = 5;
  EXPECT_THAT(refusal(files), HasSubstr("5 of 4 experts for a token"));
  files = tiny_moe();
  files.tensors.erase("model.layers.1.mlp.experts.3.up_proj.weight");
  EXPECT_THAT(refusal(files), HasSubstr("blk.1.ffn_up_exps.weight has 3 experts, the configuration says 4"));
  files = tiny_moe();
  files.tensors["model.layers.1.mlp.experts.2.up_proj.weight"] = {{8, 32}};
  EXPECT_THAT(refusal(files), HasSubstr("experts.2.up_proj.weight is f32 [8, 32], that of expert 0 f32 [16, 32]"));
  EXPECT_THAT(refusal(tiny_moe("qwen2_moe")), HasSubstr("self_attn.q_proj.bias is missing"));
}

TEST(QwenMoe, ReadsExpertsThatAreSavedAsOneTensor) {
  TinyModel files = tiny_moe();
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    std::erase_if(files.tensors,
                  [&](const auto& entry) { return entry.first.starts_with(std::string(layer) + "mlp.experts."); });
    files.tensors[std::string(layer) + "mlp.experts.gate_up_proj"] = {{kExperts, 2 * kExpertFfn, 32}};
    files.tensors[std::string(layer) + "mlp.experts.down_proj"] = {{kExperts, 32, kExpertFfn}};
  }
  EXPECT_EQ(refusal(files), "accepted");
}

TEST(QwenMoe, OpensGgufFilesOfEveryForm) {
  for (const bool fused : {false, true}) {
    const auto graph = gguf_graph("qwen3moe", fused, {});
    ASSERT_TRUE(graph) << graph.error().message();
    EXPECT_EQ(count(*graph, "matmul_indexed"), fused ? 4 : 6);
    EXPECT_EQ(count(*graph, "div"), 2) << "llama.cpp always normalises the weights";
  }
  for (const std::vector<int64_t>& gate : {std::vector<int64_t>{32}, std::vector<int64_t>{1, 32}}) {
    const auto graph = gguf_graph("qwen2moe", false, gate);
    ASSERT_TRUE(graph) << graph.error().message();
    EXPECT_EQ(count(*graph, "sigmoid"), 2);
    EXPECT_EQ(count(*graph, "div"), 0);
  }
}

TEST(QwenMoe, WindowsFollowTheFamily) {
  const auto windows = [](const char* model_type, const char* changes) {
    TinyModel files = tiny_moe(model_type);
    files.config["num_hidden_layers"] = 4;
    files.config["use_sliding_window"] = true;
    files.config["sliding_window"] = 8;
    const auto parsed = parse_json(changes, "test");
    for (const auto& [key, value] : parsed->get_object()) files.config[key] = value;
    const auto config = read_hf_config(write_json(files.config), "config.json");
    EXPECT_TRUE(config) << config.error().message();
    return config ? config->windows : std::vector<int64_t>{};
  };
  EXPECT_THAT(windows("qwen3_moe", "{}"), ElementsAre(8, 8, 8, 8));
  EXPECT_THAT(windows("qwen2_moe", "{}"), ElementsAre(8, 0, 8, 0));
  EXPECT_THAT(windows("qwen2_moe", R"({"max_window_layers": 1})"), ElementsAre(8, 0, 0, 0));
  EXPECT_THAT(windows("qwen2_moe", R"({"use_sliding_window": false})"), ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace bp
