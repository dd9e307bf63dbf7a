// Cuts text into pre-tokens: the pieces that byte-pair merges never cross. A list of splitters, each cutting what the
// one before it left.
// Thread-safety: immutable after construction; split() is const.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/splitters.h"

namespace bp {

class PreTokenizer {
 public:
  explicit PreTokenizer(std::vector<Splitter> splitters) : splitters_(std::move(splitters)) {}

  // The ends of the pre-tokens of `text`, in order; each is the start of the next.
  std::vector<size_t> split(std::string_view text) const;

 private:
  std::vector<Splitter> splitters_;
};

// What a GGUF's tokenizer.ggml.pre stands for.
struct PreTokenizerFamily {
  std::vector<Splitter> splitters;
  bool nfc = false;
  bool ignore_merges = false;
  bool add_bos = false;  // what the family does where the metadata does not say
};

// Errors: kUnsupported, naming what is supported.
Result<PreTokenizerFamily> pre_tokenizer_family(std::string_view name, std::string_view where);

// A Split's regular expression in tokenizer.json, recognised by its text; null where it is none that we know.
Splitter splitter_of_pattern(std::string_view pattern);

}  // namespace bp
