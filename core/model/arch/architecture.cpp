#include "model/arch/architecture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "model/arch/all.h"

namespace bp {
namespace {

const std::array kArchitectures = {
    &kLlama, &kMistral, &kMixtral, &kQwen2,   &kQwen2Moe, &kQwen3,  &kQwen3Moe, &kGemma,  &kGemma2, &kGemma3,
    &kPhi3,  &kOlmo2,   &kOlmo3,   &kGranite, &kGpt2,     &kFalcon, &kDeepseek, &kGptOss, &kBert,
};

std::unexpected<Error> unsupported(std::string_view name, const std::vector<std::string_view>& known,
                                   const std::string& where) {
  return fail(ErrorCode::kUnsupported, where, fmt::format("the architecture \"{}\" is not supported", name),
              fmt::format("supported are {}", fmt::join(known, ", ")));
}

}  // namespace

Result<const Architecture*> find_hf_architecture(std::string_view model_type, const std::string& where) {
  std::vector<std::string_view> known;
  for (const Architecture* architecture : kArchitectures) {
    if (std::ranges::find(architecture->hf_types, model_type) != architecture->hf_types.end()) return architecture;
    known.insert(known.end(), architecture->hf_types.begin(), architecture->hf_types.end());
  }
  return unsupported(model_type, known, where);
}

Result<const Architecture*> find_gguf_architecture(std::string_view name, const std::string& where) {
  std::vector<std::string_view> known;
  for (const Architecture* architecture : kArchitectures) {
    if (architecture->gguf_name.empty()) continue;
    if (architecture->gguf_name == name) return architecture;
    known.push_back(architecture->gguf_name);
  }
  return unsupported(name, known, where);
}

const Architecture& architecture_of(const ModelConfig& config) {
  for (const Architecture* architecture : kArchitectures) {
    if (architecture->name == config.architecture) return *architecture;
  }
  BP_CHECK(false, "architecture {}", config.architecture);
}

}  // namespace bp
