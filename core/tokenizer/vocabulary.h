// What a GGUF's metadata or a tokenizer.json says of a vocabulary, before anything of it is checked.
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bp {

using TokenId = int32_t;

// GGUF's numbers.
enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct Vocabulary {
  std::string model;  // "gpt2" = byte-level BPE
  std::string pre;    // GGUF's tokenizer.ggml.pre: "smollm", "llama-bpe", "qwen2", …
  std::vector<std::string> tokens;
  std::vector<TokenType> types;  // empty: all normal
  std::vector<float> scores;
  std::vector<std::string> merges;  // "left right", the first has the highest priority
  std::optional<TokenId> bos, eos, eot, unk, pad;
  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = false;
  bool ignore_merges = false;      // a whole pre-token that is a token is taken as it is
  std::vector<TokenId> extra_eog;  // further ids that end a generation
};

}  // namespace bp
