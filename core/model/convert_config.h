// A model's configuration as GGUF metadata, under the keys llama.cpp's converter writes; the inverse of what the
// architectures' read_gguf read. Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/gguf_entries.h"
#include "model/model_config.h"
#include "model/rope.h"

namespace bp {

// A vector that GGUF keeps as a tensor where folders keep it in config.json: rope_freqs.weight,
// rope_factors_long.weight, rope_factors_short.weight.
struct ConfigTensor {
  std::string name;
  std::vector<float> values;
};

struct GgufConfig {
  GgufEntries entries;
  std::vector<ConfigTensor> tensors;
  // GGUF has the rotated columns of q and k as neighbouring pairs, the folder as two halves: rows are to be reordered.
  bool interleaves_rope = false;
};

// Errors: kUnsupported, naming what, where the metadata does not say all that `config` does: it is read back and
// compared. `where` names the model.
Result<GgufConfig> config_to_gguf(const ModelConfig& config, const std::string& where);

}  // namespace bp
