// Quantised folders: which methods are read, and what becomes of their tensors.
#include "model/quantized_folder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "graph/opset.h"
#include "model/model.h"
#include "model/weight_rows.h"
#include "model_files.h"
#include "quant/quant.h"

namespace bp {
namespace {

using test::SafetensorsWriter;
using testing::ElementsAre;
using testing::HasSubstr;

Result<QuantConfig> config_of(std::string_view quantization) {
  json::object top = test::TinyModel().config;
  top["quantization_config"] = parse_json(quantization, "test").value();
  const auto config = read_hf_config(write_json(top), "config.json");
  if (!config) return std::unexpected(config.error());
  return config->quant;
}

std::string refusal(std::string_view quantization) {
  const auto config = config_of(quantization);
  return config ? "accepted" : config.error().message();
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// Weights of a folder, unpacked; or what is wrong with them.
struct Unpacked {
  test::TempFolder folder;
  Result<Weights> weights;
  Status status;

  Unpacked(const SafetensorsWriter& writer, const QuantConfig& quant) : weights(opened(writer)) {
    if (weights) remove_activation_scales(quant, *weights);
    if (weights) status = unpack_quantized(quant, *weights);
  }
  Result<Weights> opened(const SafetensorsWriter& writer) const {
    folder.write("model.safetensors", writer.bytes());
    return Weights::from_folder(folder.path());
  }
  std::string message() const { return status ? "accepted" : status.error().message(); }
  std::vector<float> row(const std::string& stem, int64_t i) {
    auto rows = WeightRows::open(*weights, stem);
    EXPECT_TRUE(rows) << rows.error().message();
    std::vector<float> values(static_cast<size_t>(rows->n_columns()));
    rows->read(i, values.data());
    return values;
  }
};

// e4m3 codes of 1, 2 and 0.5.
constexpr char kOne = 0x38, kTwo = 0x40, kHalf = 0x30;

TEST(QuantConfig, ReadsTheMethodsItKnows) {
  const auto fp8 = config_of(R"({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                                 "weight_block_size": [128, 64]})");
  ASSERT_TRUE(fp8) << fp8.error().message();
  EXPECT_EQ(fp8->method, QuantMethod::kFp8);
  EXPECT_THAT(fp8->block, ElementsAre(128, 64));
  EXPECT_THAT(config_of(R"({"quant_method": "fp8", "weight_block_size": null})")->block, ElementsAre(0, 0));
  const auto compressed = config_of(R"({"quant_method": "compressed-tensors", "format": "float-quantized",
      "ignore": ["lm_head"], "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": null,
      "weights": {"num_bits": 8, "type": "float", "strategy": "channel", "symmetric": true, "dynamic": false}}}})");
  ASSERT_TRUE(compressed) << compressed.error().message();
  EXPECT_EQ(compressed->method, QuantMethod::kFp8);
  const auto awq = config_of(R"({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "GEMM"})");
  ASSERT_TRUE(awq) << awq.error().message();
  EXPECT_EQ(awq->group_size, 64);
  const auto gptq = config_of(R"({"quant_method": "gptq", "bits": 8, "group_size": -1, "desc_act": true})");
  ASSERT_TRUE(gptq) << gptq.error().message();
  EXPECT_EQ(gptq->bits, 8);
  EXPECT_EQ(gptq->group_size, -1);
  EXPECT_TRUE(gptq->zeros_less_one);
  EXPECT_FALSE(config_of(R"({"quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq_v2"})")->zeros_less_one);
  EXPECT_EQ(config_of(R"({"quant_method": "mxfp4"})")->method, QuantMethod::kMxfp4);
  EXPECT_EQ(config_of(R"({"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0})")->method, QuantMethod::kFp8);
  EXPECT_EQ(config_of(R"({"quant_method": "modelopt", "quant_algo": "FP8"})")->method, QuantMethod::kFp8);
}

TEST(QuantConfig, RefusesOthersByName) {
  for (const char* method : {"bitsandbytes", "hqq", "exl2", "aqlm", "quark", "torchao"}) {
    const std::string message = refusal(fmt::format(R"({{"quant_method": "{}"}})", method));
    EXPECT_THAT(message, HasSubstr(fmt::format("quant_method \"{}\" is not supported; supported are fp8", method)));
    EXPECT_THAT(message, HasSubstr("or take the original weights or a GGUF file"));
  }
  EXPECT_THAT(refusal(R"({"quant_method": "gptq", "bits": 3})"), HasSubstr("gptq of 3 bits is not supported"));
  EXPECT_THAT(refusal(R"({"quant_method": "gptq", "bits": 2})"), HasSubstr("gptq of 2 bits is not supported"));
  EXPECT_THAT(refusal(R"({"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"})"),
              HasSubstr("checkpoint_format \"marlin\" is not supported"));
  EXPECT_THAT(refusal(R"({"quant_method": "gptq", "bits": 4, "is_marlin_format": true})"), HasSubstr("marlin"));
  EXPECT_THAT(refusal(R"({"quant_method": "awq", "bits": 8})"), HasSubstr("awq of 8 bits is not supported"));
  EXPECT_THAT(refusal(R"({"quant_method": "awq", "version": "gemv"})"), HasSubstr("version \"gemv\""));
  EXPECT_THAT(refusal(R"({"quant_method": "awq", "zero_point": false})"), HasSubstr("awq without zero points"));
  EXPECT_THAT(refusal(R"({"quant_method": "fp8", "fmt": "e5m2"})"), HasSubstr("fmt \"e5m2\" is not supported"));
  EXPECT_THAT(refusal(R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})"), HasSubstr("quant_algo \"NVFP4\""));
  EXPECT_THAT(refusal(R"({"quant_method": "compressed-tensors", "format": "pack-quantized"})"),
              HasSubstr("format \"pack-quantized\" is not supported"));
  EXPECT_THAT(refusal(R"({"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups":
                          {"group_0": {"weights": {"num_bits": 4, "type": "float"}}}})"),
              HasSubstr("compressed-tensors of float 4 bits is not supported"));
}

TEST(QuantConfig, RefusesMalformedMembers) {
  EXPECT_THAT(refusal(R"({"bits": 4})"), HasSubstr("quant_method"));
  EXPECT_THAT(refusal(R"({"quant_method": 4})"), HasSubstr("quant_method"));
  EXPECT_THAT(refusal(R"("awq")"), HasSubstr("quantization_config"));
  EXPECT_THAT(refusal(R"({"quant_method": "fp8", "weight_block_size": [128]})"), HasSubstr("two positive sizes"));
  EXPECT_THAT(refusal(R"({"quant_method": "fp8", "weight_block_size": [0, 1]})"), HasSubstr("two positive sizes"));
  EXPECT_THAT(refusal(R"({"quant_method": "fp8", "weight_block_size": 128})"), HasSubstr("a list of whole numbers"));
}

// w [4, 6] of ones, its scales of that shape.
SafetensorsWriter fp8_matrix(const std::vector<int64_t>& dims, const std::vector<float>& scales) {
  SafetensorsWriter writer;
  writer.raw("blk.0.ffn_up.weight", "F8_E4M3", {4, 6}, std::string(24, kOne));
  writer.tensor("blk.0.ffn_up.weight_scale", dims, scales);
  writer.raw("blk.0.ffn_up.input_scale", "F32", {}, bytes_of<float>({3}));
  return writer;
}

TEST(QuantizedFolder, Fp8ScalesAreOfAllRowsOrBlocks) {
  const QuantConfig plain = {.method = QuantMethod::kFp8};
  Unpacked all(fp8_matrix({}, {0.5f}), plain);
  ASSERT_EQ(all.message(), "accepted");
  EXPECT_THAT(all.row("blk.0.ffn_up", 3), ElementsAre(0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f));
  EXPECT_EQ(all.weights->find("blk.0.ffn_up.input_scale"), nullptr);
  Unpacked rows(fp8_matrix({4, 1}, {1, 2, 3, 4}), plain);
  ASSERT_EQ(rows.message(), "accepted");
  EXPECT_THAT(rows.row("blk.0.ffn_up", 2), ElementsAre(3, 3, 3, 3, 3, 3));
  const QuantConfig blocks = {.method = QuantMethod::kFp8, .block = {3, 4}};
  Unpacked block(fp8_matrix({2, 2}, {1, 2, 3, 4}), blocks);
  ASSERT_EQ(block.message(), "accepted");
  EXPECT_THAT(block.row("blk.0.ffn_up", 2), ElementsAre(1, 1, 1, 1, 2, 2));
  EXPECT_THAT(block.row("blk.0.ffn_up", 3), ElementsAre(3, 3, 3, 3, 4, 4));
  EXPECT_THAT(Unpacked(fp8_matrix({3}, {1, 2, 3}), plain).message(),
              HasSubstr("blk.0.ffn_up: the scales [3] of a weight [4, 6] are neither"));
}

TEST(QuantizedFolder, Fp8BlocksThatCoverRowsOfTwoExpertsAreCut) {
  // Three experts of 6 rows, blocks of 4 x 4: each expert has 2 x 2 scales.
  SafetensorsWriter writer;
  std::vector<float> scales;
  for (int i = 0; i < 12; ++i) scales.push_back(static_cast<float>(i + 1));
  writer.raw("blk.0.ffn_up_exps.weight", "F8_E4M3", {3, 6, 5}, std::string(90, kTwo));
  writer.tensor("blk.0.ffn_up_exps.weight_scale_inv", {3, 2, 2}, scales);
  Unpacked unpacked(writer, {.method = QuantMethod::kFp8, .block = {4, 4}});
  ASSERT_EQ(unpacked.message(), "accepted");
  EXPECT_THAT(unpacked.weights->find("blk.0.ffn_up_exps.scales")->block, ElementsAre(2, 4));
  for (int64_t expert = 0; expert < 3; ++expert) {
    for (int64_t row = 0; row < 6; ++row) {
      const auto left = static_cast<float>(expert * 4 + row / 4 * 2 + 1);
      EXPECT_THAT(unpacked.row("blk.0.ffn_up_exps", expert * 6 + row),
                  ElementsAre(2 * left, 2 * left, 2 * left, 2 * left, 2 * left + 2));
    }
  }
}

TEST(QuantizedFolder, RefusesFp8TensorsThatLackTheirOtherHalf) {
  const QuantConfig quant = {.method = QuantMethod::kFp8};
  SafetensorsWriter no_scale;
  no_scale.raw("blk.0.ffn_up.weight", "F8_E4M3", {2, 2}, std::string(4, kHalf));
  EXPECT_THAT(Unpacked(no_scale, quant).message(),
              HasSubstr("tensor blk.0.ffn_up.weight is fp8_e4m3, and has no scales"));
  SafetensorsWriter no_weight;
  no_weight.tensor("blk.0.ffn_up.weight_scale", {1}, {1});
  EXPECT_THAT(Unpacked(no_weight, quant).message(), HasSubstr("has scales, and no matrix that they are of"));
  SafetensorsWriter integers;
  integers.raw("blk.0.ffn_up.weight", "F8_E4M3", {2, 2}, std::string(4, kHalf));
  integers.raw("blk.0.ffn_up.weight_scale", "I32", {1}, std::string(4, 0));
  EXPECT_THAT(Unpacked(integers, quant).message(), HasSubstr("its scales are i32"));
}

// GPTQ, 4 bits, groups of 8: [n_experts,] k = 16 columns, n = 8 rows; q[e, n, k] = (e + n + k) % 16, zeros 7 (+ 1),
// the scale of group g of row n: n + 1 + 100 g.
SafetensorsWriter gptq(int64_t n_experts, bool permuted) {
  constexpr int64_t kN = 8, kK = 16;
  const int64_t n_matrices = std::max<int64_t>(n_experts, 1);
  std::vector<int32_t> qweight, qzeros, g_idx;
  std::vector<float> scales;
  for (int64_t e = 0; e < n_matrices; ++e) {
    for (int64_t word = 0; word < kK / 8; ++word) {
      for (int64_t n = 0; n < kN; ++n) {
        uint32_t bits = 0;
        for (int64_t j = 0; j < 8; ++j) bits |= static_cast<uint32_t>((e + n + word * 8 + j) % 16) << 4 * j;
        qweight.push_back(static_cast<int32_t>(bits));
      }
    }
    for (int64_t g = 0; g < 2; ++g) {
      qzeros.push_back(0x77777777);
      for (int64_t n = 0; n < kN; ++n) scales.push_back(static_cast<float>(n + 1 + 100 * g));
    }
    for (int64_t k = 0; k < kK; ++k) g_idx.push_back(static_cast<int32_t>(permuted ? (k + e) % 2 : k / 8));
  }
  const auto dims = [&](std::vector<int64_t> own) {
    if (n_experts > 0) own.insert(own.begin(), n_experts);
    return own;
  };
  const std::string stem = n_experts > 0 ? "blk.0.ffn_up_exps" : "blk.0.ffn_up";
  SafetensorsWriter writer;
  writer.raw(stem + ".qweight", "I32", dims({kK / 8, kN}), bytes_of(qweight));
  writer.raw(stem + ".qzeros", "I32", dims({2, kN / 8}), bytes_of(qzeros));
  writer.raw(stem + ".g_idx", "I32", dims({kK}), bytes_of(g_idx));
  writer.tensor(stem + ".scales", dims({2, kN}), scales);
  return writer;
}

TEST(QuantizedFolder, UnpacksGptqWithItsOrderOfColumns) {
  const QuantConfig quant = {.method = QuantMethod::kGptq, .bits = 4, .group_size = 8, .zeros_less_one = true};
  for (const int64_t n_experts : {0, 3}) {
    for (const bool permuted : {false, true}) {
      Unpacked unpacked(gptq(n_experts, permuted), quant);
      ASSERT_EQ(unpacked.message(), "accepted");
      const std::string stem = n_experts > 0 ? "blk.0.ffn_up_exps" : "blk.0.ffn_up";
      const WeightView* w = unpacked.weights->find(stem + ".weight");
      ASSERT_NE(w, nullptr);
      EXPECT_EQ(w->dtype, n_experts > 0 && permuted ? DType::kF16 : DType::kU4);
      EXPECT_EQ(unpacked.weights->find(stem + ".perm") != nullptr, n_experts == 0 && permuted);
      EXPECT_EQ(unpacked.weights->find(stem + ".qweight"), nullptr);
      for (int64_t e = 0; e < std::max<int64_t>(n_experts, 1); ++e) {
        for (int64_t n = 0; n < 8; ++n) {
          const std::vector<float> row = unpacked.row(stem, e * 8 + n);
          for (int64_t k = 0; k < 16; ++k) {
            const int64_t group = permuted ? (k + e) % 2 : k / 8;
            EXPECT_EQ(row[static_cast<size_t>(k)], static_cast<float>(((e + n + k) % 16 - 8) * (n + 1 + 100 * group)));
          }
        }
      }
    }
  }
}

TEST(QuantizedFolder, RefusesIncompleteModules) {
  const QuantConfig quant = {.method = QuantMethod::kAwq, .bits = 4, .group_size = 8};
  SafetensorsWriter no_zeros;
  no_zeros.raw("blk.0.ffn_up.qweight", "I32", {16, 1}, std::string(64, 0));
  no_zeros.tensor("blk.0.ffn_up.scales", {2, 8}, std::vector<float>(16, 1));
  EXPECT_THAT(Unpacked(no_zeros, quant).message(), HasSubstr("blk.0.ffn_up: qzeros is missing"));
  SafetensorsWriter fewer;
  fewer.raw("blk.0.ffn_up_exps.qweight", "I32", {2, 16, 1}, std::string(128, 0));
  fewer.raw("blk.0.ffn_up_exps.qzeros", "I32", {1, 2, 1}, std::string(8, 0));
  fewer.tensor("blk.0.ffn_up_exps.scales", {2, 2, 8}, std::vector<float>(32, 1));
  EXPECT_THAT(Unpacked(fewer, quant).message(), HasSubstr("qzeros is missing, or not of as many experts"));
}

// TinyModel in fp8, with one scale a matrix; modules that are not converted stay as they are.
TEST(QuantizedFolder, GraphsScaleWhatIsQuantisedAndNothingElse) {
  test::TinyModel files;
  files.config["quantization_config"] = {{"quant_method", "fp8"}, {"modules_to_not_convert", {"lm_head", "o_proj"}}};
  SafetensorsWriter writer;
  for (const auto& [name, tensor] : files.tensors) {
    if (!name.ends_with("_proj.weight") || name.find("o_proj") != std::string::npos) {
      writer.tensor(name, tensor.dims, tensor.values());
      continue;
    }
    writer.raw(name, "F8_E4M3", tensor.dims, std::string(static_cast<size_t>(tensor.dims[0] * tensor.dims[1]), kOne));
    writer.tensor(name + "_scale", {1}, {0.25f});
  }
  const test::TempFolder folder;
  folder.write("config.json", write_json(files.config));
  folder.write("model.safetensors", writer.bytes());
  const auto model = Model::open(folder.path());
  ASSERT_TRUE(model) << model.error().message();
  const auto graph = model->build_graph({});
  ASSERT_TRUE(graph) << graph.error().message();
  int n_dequant = 0;
  for (const Node& node : graph->nodes) n_dequant += node.op->name == "dequant" ? 1 : 0;
  EXPECT_EQ(n_dequant, 12) << "q, k, v, gate, up and down of two layers";
}

}  // namespace
}  // namespace bp
