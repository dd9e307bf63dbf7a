// A tokenizer as described, whichever file described it: what Tokenizer is built from.
// Thread-safety: plain values.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/decoder.h"
#include "tokenizer/model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/token_table.h"
#include "tokenizer/vocabulary.h"

namespace bp {

struct TokenizerSpec {
  // Makes the model for the table, which outlives it. May refer to this spec, which therefore stays in its place.
  using MakeModel = std::function<std::unique_ptr<TokenModel>(const TokenTable& tokens)>;

  Vocabulary vocabulary;
  TokenForm form = TokenForm::kText;
  std::vector<AddedToken> added;  // those matched in normalised text are written as they look there
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  MakeModel make_model;
  Decoder decoder;
  std::vector<TokenId> prefix_ids, suffix_ids;  // what add_special adds
};

// What a GGUF's metadata means. Errors as of Tokenizer::create.
Result<std::unique_ptr<TokenizerSpec>> spec_of_vocabulary(Vocabulary vocabulary, std::string_view where);

// What Hugging Face's tokenizer.json and tokenizer_config.json (may be empty) mean. Errors as of Tokenizer::from_json.
Result<std::unique_ptr<TokenizerSpec>> spec_of_json(std::string_view tokenizer_json,
                                                    std::string_view tokenizer_config_json, std::string_view where);

}  // namespace bp
