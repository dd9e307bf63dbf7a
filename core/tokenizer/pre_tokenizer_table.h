// The one table of GGUF's names for the ways byte-level BPE splits a text (tokenizer.ggml.pre): what reads a file and
// what writes one look here.
// Thread-safety: a constant.
#pragma once

#include <string_view>
#include <vector>

namespace bp {

struct NamedPreTokenizer {
  std::vector<std::string_view> names;     // the first is the one that is written
  std::vector<std::string_view> patterns;  // one after the other, see pre_tokenizer_patterns.h
  bool nfc = false;                        // characters are composed first
  bool ignore_merges = false;
  bool add_bos = false;  // what the family does where the metadata does not say
};

const std::vector<NamedPreTokenizer>& named_pre_tokenizers();

}  // namespace bp
