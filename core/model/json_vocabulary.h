// The vocabulary in a tokenizer.json, in the form GGUF keeps vocabularies. Thread-safe: a pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace bp {

struct JsonVocabulary {
  std::string model;                // "gpt2" (byte-level BPE), "llama" (SentencePiece BPE), "t5" (unigram), "bert"
  std::string pre;                  // of gpt2
  std::vector<std::string> tokens;  // [n]
  std::vector<int32_t> types;       // [n] 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  std::vector<float> scores;        // [n], or empty: of llama and t5
  std::vector<std::string> merges;  // of gpt2: "a b"
  std::optional<bool> add_space_prefix;
  bool has_template = false;  // the pipeline says what it adds to a text
  std::optional<int64_t> first_added, last_added;
  std::unordered_map<std::string, int64_t> ids;  // by the texts of tokenizer.json

  std::optional<int64_t> id_of(const std::string& text) const {
    const auto found = ids.find(text);
    return found == ids.end() ? std::nullopt : std::optional(found->second);
  }
};

// n_tokens: at least so many entries. Errors: kRefused for a malformed document, kUnsupported for what GGUF has no form
// for. `where` names the file.
Result<JsonVocabulary> read_json_vocabulary(const json::object& document, int64_t n_tokens, const std::string& where);

}  // namespace bp
