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
  // Not of GGUF: stands beside the model, which never finds it; only the matching of added tokens does.
  kAdded = 7,
};

struct AddedToken {
  TokenId id = 0;
  std::string text = {};
  bool special = false;      // matched only where special tokens are parsed
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool single_word = false;  // not where a letter, digit or underscore touches it
  bool normalized = false;   // matched in the normalised text
};

// What is not said is as the kind of vocabulary has it by custom (see Tokenizer::create).
struct Vocabulary {
  // "gpt2" byte-level BPE · "llama" SentencePiece BPE · "gemma4" its successor with merges · "t5" unigram ·
  // "bert" WordPiece
  std::string model;
  std::string pre;  // GGUF's tokenizer.ggml.pre: "smollm", "llama-bpe", "qwen2", …; byte-level BPE only
  std::vector<std::string> tokens;
  std::vector<TokenType> types;  // empty: all normal
  std::vector<float> scores;
  std::vector<std::string> merges;  // "left right", the first has the highest priority
  std::string chars_map;            // SentencePiece's normalisation table; empty: none
  std::optional<TokenId> bos, eos, eot, unk, pad, cls, sep;
  std::optional<bool> add_bos, add_eos;
  std::optional<bool> add_space_prefix, remove_extra_spaces;
  std::optional<bool> lowercase, strip_accents;  // of "bert"
  bool space_as_suffix = false;                  // SentencePiece's treat_whitespace_as_suffix
  bool space_prefix_once = false;                // only at the start of a text, not behind control tokens too
  std::vector<AddedToken> added;                 // further than the types tell
  std::vector<TokenId> extra_eog;                // further ids that end a generation
};

}  // namespace bp
