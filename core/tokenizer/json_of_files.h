// The tokenizer.json that a folder without one stands for: what transformers makes of vocab.json with merges.txt
// (byte-level BPE), or of vocab.txt (WordPiece), and of the files beside them.
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace bp {

// The texts of a folder's files; empty where there is no such file.
struct TokenizerFiles {
  std::string vocab_json, merges_txt;
  std::string vocab_txt;
  json::object tokenizer_config, special_tokens_map, added_tokens;
  std::string model_type;  // config.json's
};

struct TokenizerDocuments {
  json::object tokenizer;         // tokenizer.json
  json::object tokenizer_config;  // tokenizer_config.json, with the tokens that its class or another file names
};

// Errors: kRefused for a damaged file, kUnsupported for a class that reads other files. REQUIRES: a vocab_json with a
// merges_txt, or a vocab_txt. `where` names the vocabulary in errors.
Result<TokenizerDocuments> json_of_files(TokenizerFiles files, std::string_view where);

}  // namespace bp
