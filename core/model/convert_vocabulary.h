// The vocabulary and chat template of a Hugging Face folder as GGUF metadata ("tokenizer.ggml.…",
// "tokenizer.chat_template"), from what tokenizer_folder.h reads, generation_config.json, config.json and
// chat_template.jinja. Thread-safe: a function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/gguf_entries.h"

namespace bp {

// n_tokens: rows of the embedding; tokens without a text become "[PAD…]", unused. A folder without a tokenizer gives
// no vocabulary, and a note. Errors: kRefused for malformed files, kUnsupported for a tokenizer that GGUF has no name
// for.
Status vocabulary_to_gguf(const std::string& folder, int64_t n_tokens, GgufEntries& entries,
                          std::vector<std::string>& notes);

}  // namespace bp
