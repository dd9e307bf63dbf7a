// A model folder made one GGUF file: configuration, vocabulary, chat template and tensors under llama.cpp's names.
// Thread-safe: a function.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/quantize.h"

namespace bp {

struct ConvertOptions {
  std::optional<DType> type{};  // of the matrices, as in quantize_plan.h; none: as the folder has them
};

// folder: Hugging Face's, with safetensors or PyTorch files. Errors: those of Model::open, of config_to_gguf, of
// vocabulary_to_gguf and of write_tensors.
Result<QuantizeReport> convert_folder(const std::string& folder, const std::string& out, const ConvertOptions& options,
                                      const WriteOptions& write);

}  // namespace bp
