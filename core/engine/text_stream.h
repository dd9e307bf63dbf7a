// Tokens of one answer to text: complete characters only, and nothing of a stop string or of what may become one.
// Not thread-safe. The tokenizer outlives it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/detokenizer.h"

namespace bp {

class TextStream {
 public:
  // Empty stop strings are ignored. `continues`: the answer goes on with a text, so that a space it begins with counts.
  TextStream(const Tokenizer& tokenizer, std::vector<std::string> stops, bool continues = false);

  // The text that is certain with this token. Empty once stopped().
  std::string push(TokenId token);
  // The rest, after the last token.
  std::string finish();
  // A stop string was met: the text before it is all there is.
  bool stopped() const { return stopped_; }

 private:
  std::string release(std::string text);

  Detokenizer detokenizer_;
  std::vector<std::string> stops_;
  std::string held_;  // may be the beginning of a stop string
  bool stopped_ = false;
};

}  // namespace bp
