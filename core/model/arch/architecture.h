// The architectures this build knows. Each has a file of its own beside this one, with its readers of both formats'
// configurations, its names for tensors, and its graph. Adding one is described in docs/models.md.
// Thread-safe: constants and pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "graph/graph.h"
#include "model/arch/model_source.h"
#include "model/arch/tensor_names.h"
#include "model/gguf_keys.h"
#include "model/json_fields.h"
#include "model/model_config.h"
#include "model/weights.h"

namespace bp {

struct Architecture {
  std::string_view name;                         // also ModelConfig::architecture
  std::span<const std::string_view> hf_types;    // config.json's model_type
  std::span<const std::string_view> hf_classes;  // config.json's architectures[0]
  std::string_view gguf_name;                    // general.architecture; empty: its GGUF files go by another's

  Status (*read_hf)(const JsonFields& fields, ModelConfig& config);
  Status (*read_gguf)(const GgufKeys& keys, ModelConfig& config);
  // How Hugging Face calls the tensors; see tensor_names.h.
  TensorNames names;
  // Brings tensors into the form GGUF has, where a folder (or an old GGUF file) keeps them differently. May be null.
  Status (*adapt)(const ModelConfig& config, Weights& weights);
  // Inputs and output as Model::build_graph() says.
  Result<Graph> (*build)(const ModelSource& source);
};

// By config.json's model_type, or by general.architecture. Errors: kUnsupported, with what is supported.
Result<const Architecture*> find_hf_architecture(std::string_view model_type, const std::string& where);
Result<const Architecture*> find_gguf_architecture(std::string_view architecture, const std::string& where);
// REQUIRES: a name that a reader has put into ModelConfig::architecture.
const Architecture& architecture_of(const ModelConfig& config);

}  // namespace bp
