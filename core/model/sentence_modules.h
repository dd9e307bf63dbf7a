// The files that sentence-transformers puts beside an encoder: modules.json, the configuration of its pooling module
// and sentence_bert_config.json. Thread-safe: a pure function.
#pragma once

#include <string>

#include "base/result.h"
#include "model/model_config.h"

namespace bp {

// Sets how texts are pooled, whether embeddings are normalised, and the longest input. Without modules.json: the mean,
// not normalised. Errors: kUnsupported for another module or pooling than those, named; kRefused for malformed files.
Status read_sentence_modules(const std::string& folder, ModelConfig& config);

}  // namespace bp
