// What a GGUF's tokenizer.ggml.pre stands for: byte-level BPE files name their pre-tokenizer and do not spell it out.
// Thread-safety: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/pre_tokenizer.h"

namespace bp {

struct PreTokenizerFamily {
  PreTokenizer pre_tokenizer;
  bool nfc = false;  // characters are composed first
  bool ignore_merges = false;
  bool add_bos = false;  // what the family does where the metadata does not say
};

// Errors: kUnsupported, naming what is supported.
Result<PreTokenizerFamily> pre_tokenizer_family(std::string_view name, std::string_view where);

// The splitter written by hand for this regular expression of a tokenizer.json, recognised by its text; null where
// there is none.
Splitter splitter_of_pattern(std::string_view regex);

// Adds a step that isolates what `regex` matches, by hand or by the general engine. Errors: kUnsupported.
Status add_isolating(PreTokenizer& pre_tokenizer, std::string_view regex, std::string_view where);

}  // namespace bp
