// Every golden model against the outputs of the reference implementation (see tests/goldens/README.md): whole, in
// chunks, token by token and batched, on the reference and on every usable device of the plugins that were built.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "golden_case.h"
#include "golden_run.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

constexpr GoldenWay kWays[] = {
    {"whole", 0, 64, 1},
    {"chunks of 7", 7, 64, 1},
    {"token by token", 1, 64, 1},
    {"batched", 0, 64, 4},
    {"batched as served", 7, 64, 4, true},
};

// As a share of the logits' spread. A KV cache as served holds 16-bit floats, and devices may round activations to the
// 8 bits that their kernels for blocks take; else all is in f32.
double bound_of(const fs::path& model, const GoldenWay& way, bool reference) {
  if (!reference && model.string().contains("q8_0")) return 0.15;
  if (way.served) return 3e-2;
  // Few columns, whose activations keep 16 bits.
  const bool rounded = std::ranges::any_of(std::array{"mxfp4", "awq", "gptq"},
                                           [&](const char* kind) { return model.string().contains(kind); });
  return !reference && rounded ? 1e-3 : 2e-4;
}

// A folder of data/ that holds a model in the Hugging Face form; each GGUF file in it is the same model again.
class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, AgreesHoweverItIsFed) {
  const fs::path folder = golden_data() / GetParam();
  const GoldenCase golden = read_golden_case(folder);
  std::vector<fs::path> models;
  if (fs::exists(folder / "config.json")) models.push_back(folder);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".gguf") models.push_back(entry.path());
  }
  ASSERT_FALSE(models.empty());
  const auto devices = golden_devices();
  for (const fs::path& path : models) {
    const auto model = Model::open(path.string());
    ASSERT_TRUE(model.has_value()) << model.error().message();
    for (const auto& device : devices) {
      for (const int max_seqs : golden.embeds() ? std::vector<int>{8, 1} : std::vector<int>{}) {
        SCOPED_TRACE(fmt::format("{} on {}, {} together", path.string(), device_name(device.get()), max_seqs));
        check_golden_embeddings(*model, golden, device.get(), max_seqs, 1e-3);
      }
      if (golden.embeds()) continue;
      for (const GoldenWay& way : kWays) {
        SCOPED_TRACE(path.string() + " on " + device_name(device.get()) + ", " + way.name);
        check_golden(*model, golden, device.get(), way, bound_of(path, way, device == nullptr));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(golden_names(golden_data())),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace bp
