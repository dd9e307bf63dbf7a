// A tokenizer as described, whichever file described it: what Tokenizer is built from.
// Thread-safety: plain values.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/splitters.h"
#include "tokenizer/vocabulary.h"

namespace bp {

struct TokenizerSpec {
  Vocabulary vocabulary;
  std::vector<AddedToken> added;
  std::vector<Splitter> splitters;
  bool nfc = false;
  bool prefix_space = false;
  bool emit_unknown = false;                    // bytes that are no token become vocabulary.unk
  std::vector<TokenId> prefix_ids, suffix_ids;  // what add_special adds
};

// The "normalizer" and "pre_tokenizer" of a tokenizer.json. Errors: kUnsupported, naming the part we do not have.
Status read_json_pipeline(const json::object& root, TokenizerSpec& spec, std::string_view where);

}  // namespace bp
