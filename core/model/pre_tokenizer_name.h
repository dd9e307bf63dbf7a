// GGUF's names for the ways byte-level BPE splits a text before it merges. Thread-safe: a pure function.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"

namespace bp {

// tokenizer_json: the whole document. nullopt: it splits in a way that has no name.
std::optional<std::string> gguf_pre_tokenizer_name(const json::object& tokenizer_json);

// What it splits by, for messages.
std::string pre_tokenizer_text(const json::object& tokenizer_json);

}  // namespace bp
