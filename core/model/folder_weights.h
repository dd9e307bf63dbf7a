// The tensors of a Hugging Face folder under GGUF's names: renamed by the architecture's table, the experts that lie
// one by one joined. Thread-safe: a pure function.
#pragma once

#include <string>

#include "base/result.h"
#include "model/arch/tensor_names.h"
#include "model/model_config.h"
#include "model/weights.h"

namespace bp {

// Errors: kUnsupported for a tensor of a layer that the table does not know, kRefused for experts that are missing or
// unlike each other.
Status take_gguf_names(const TensorNames& names, const ModelConfig& config, const std::string& where, Weights& weights);

// Layers past the last by GGUF's names: ModelConfig::n_spare_layers of them. (A folder's never get such names.)
void remove_spare_layers(const ModelConfig& config, Weights& weights);

// The same for old GGUF files with a tensor for each expert: renames what the table has, and leaves the rest.
Status join_experts(const TensorNames& names, const ModelConfig& config, const std::string& where, Weights& weights);

}  // namespace bp
