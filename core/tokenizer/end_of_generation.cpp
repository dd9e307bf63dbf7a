#include "tokenizer/end_of_generation.h"

#include <algorithm>
#include <string_view>

namespace bp {
namespace {

constexpr std::string_view kNames[] = {
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "<turn|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
};

}  // namespace

std::vector<TokenId> end_of_generation_ids(const Vocabulary& vocabulary, const TokenTable& tokens) {
  std::vector<TokenId> ids = vocabulary.extra_eog;
  if (vocabulary.eos) ids.push_back(*vocabulary.eos);
  if (vocabulary.eot) ids.push_back(*vocabulary.eot);
  // In the harmony format <|end|> closes one message of several; <|return|> and <|call|> end the turn.
  const bool harmony = tokens.find_text("<|return|>") && tokens.find_text("<|call|>");
  for (const std::string_view name : kNames) {
    if (harmony && name == "<|end|>") continue;
    const auto id = tokens.find_text(name);
    if (id && tokens.type(*id) == TokenType::kControl) ids.push_back(*id);
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace bp
