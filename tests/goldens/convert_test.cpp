// Every golden folder converted to GGUF computes what the folder does, within the folder's own bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "base/mapped_file.h"
#include "golden_case.h"
#include "golden_run.h"
#include "model/convert.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

// Folders with switches that GGUF has no key for.
constexpr std::string_view kInexpressible[] = {
    "hf_bert_cls",                 // an activation of its own
    "hf_bert_mean_raw_relu",       // an activation of its own
    "hf_bert_no_modules",          // embeddings of another length than 1
    "hf_deepseek_v2_groups",       // mscale other than mscale_all_dim
    "hf_deepseek_v3_halves",       // rotated columns in halves
    "hf_falcon_mha_parallel",      // an activation of its own
    "hf_gpt2_inverse_layer",       // attention scaled by layer
    "hf_gpt2_unscaled_untied",     // an activation of its own
    "hf_llama_head_dim_dynamic",   // frequencies that change with the length of the text
    "hf_llama_llama3",             // an activation of its own
    "hf_qwen3_moe_step2",          // experts in every second layer
    "variant_llama_dynamic_bf16",  // an activation of its own
    "variant_mistral_mqa",         // an activation of its own
};

constexpr GoldenWay kWhole = {"whole", 0, 64, 1};

std::vector<std::string> folders() {
  std::vector<std::string> names;
  for (const std::string& name : golden_names(golden_data())) {
    if (fs::exists(golden_data() / name / "config.json")) names.push_back(name);
  }
  return names;
}

class ConvertedGolden : public testing::TestWithParam<std::string> {};

TEST_P(ConvertedGolden, ComputesTheSame) {
  const fs::path folder = golden_data() / GetParam();
  if (const auto model = Model::open(folder.string()); !model) GTEST_SKIP() << model.error().message();
  const std::string out = testing::TempDir() + "converted_" + GetParam() + ".gguf";
  const auto report = convert_folder(folder.string(), out, {}, {});
  const auto config = read_text_file((folder / "config.json").string(), 1 << 20);
  if (!report && config && config->find("\"quantization_config\"") != std::string::npos) {
    // Weights that GGUF has no type for.
    EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(report.error().fix.find("before it was quantised"), std::string::npos) << report.error().message();
    return;
  }
  const bool expressible = std::ranges::find(kInexpressible, GetParam()) == std::end(kInexpressible);
  ASSERT_EQ(report.has_value(), expressible) << report.error().message();
  if (!expressible) {
    EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
    return;
  }
  const auto model = Model::open(out);
  ASSERT_TRUE(model) << model.error().message();
  const GoldenCase golden = read_golden_case(folder);
  if (golden.embeds()) {
    check_golden_embeddings(*model, golden, nullptr, 8, 1e-3);
  } else {
    check_golden(*model, golden, nullptr, kWhole, 1e-3);
  }
  fs::remove(out);
}

INSTANTIATE_TEST_SUITE_P(Folders, ConvertedGolden, testing::ValuesIn(folders()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace bp
