// Turns a stream of token ids into text as it arrives, never cutting a character in two.
// Not thread-safe: one per sequence.
// Invariant: what push() and flush() gave, joined, is what Tokenizer::decode() gives for all ids.
#pragma once

#include <string>

#include "tokenizer/tokenizer.h"

namespace bp {

class Detokenizer {
 public:
  // `continues`: the ids go on where others ended, so that a space before the first word is text and not the one that
  // SentencePiece puts before every text. REQUIRES: `tokenizer` outlives this.
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special = true, bool continues = false)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {
    if (continues) state_ = Decoder::continuing();
  }

  // The text that is complete now: may be empty.
  std::string push(TokenId id);
  // The rest: an unfinished character becomes U+FFFD.
  std::string flush();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  Decoder::State state_;
};

}  // namespace bp
