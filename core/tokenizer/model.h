// What turns a stretch of text without added tokens into ids: one subclass per kind of vocabulary.
// Thread-safety: encode() is const and may be called from several threads at once.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace bp {

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the ids of `text`.
  virtual void encode(std::string_view text, std::vector<TokenId>& out) const = 0;
};

}  // namespace bp
