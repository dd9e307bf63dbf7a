// Turns a stream of token ids into text as it arrives, never cutting a character in two.
// Not thread-safe: one per sequence.
// Invariant: what push() and flush() gave, joined, is what Tokenizer::decode() gives for all ids.
#pragma once

#include <string>

#include "tokenizer/tokenizer.h"

namespace bp {

class Detokenizer {
 public:
  // REQUIRES: `tokenizer` outlives this.
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  // The text that is complete now: may be empty.
  std::string push(TokenId id);
  // The rest: an unfinished character becomes U+FFFD.
  std::string flush();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string pending_;  // at most three bytes between calls
};

}  // namespace bp
