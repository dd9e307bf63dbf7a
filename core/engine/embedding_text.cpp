#include "engine/embedding_text.h"

#include <algorithm>

namespace bp {

EmbeddingInput encode_for_embedding(const Tokenizer& tokenizer, std::string_view text, size_t max_tokens) {
  EmbeddingInput input{tokenizer.encode(text, {.add_special = true, .parse_special = true})};
  if (input.tokens.size() <= max_tokens) return input;
  const std::vector<TokenId> content = tokenizer.encode(text, {.add_special = false, .parse_special = true});
  const std::vector<TokenId> around = tokenizer.encode("", {.add_special = true, .parse_special = true});
  if (content.size() + around.size() != input.tokens.size()) {  // not the text between them: cut at the end
    input.n_left_out = input.tokens.size() - max_tokens;
    input.tokens.resize(max_tokens);
    return input;
  }
  // As many of them stand in front as the whole begins with before the text does.
  size_t n_front = 0;
  while (n_front < around.size() && input.tokens[n_front] == around[n_front] &&
         !std::equal(content.begin(), content.end(), input.tokens.begin() + static_cast<ptrdiff_t>(n_front))) {
    ++n_front;
  }
  const size_t n_kept = max_tokens - std::min(max_tokens, around.size());
  input.n_left_out = content.size() - std::min(content.size(), n_kept);
  input.tokens.assign(around.begin(), around.begin() + static_cast<ptrdiff_t>(n_front));
  input.tokens.insert(input.tokens.end(), content.begin(),
                      content.begin() + static_cast<ptrdiff_t>(std::min(content.size(), n_kept)));
  input.tokens.insert(input.tokens.end(), around.begin() + static_cast<ptrdiff_t>(n_front), around.end());
  return input;
}

}  // namespace bp
