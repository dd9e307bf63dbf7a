// Any bytes as a tokenizer.json, and as the text of a small tokenizer: an error or ids, which decode.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/detokenizer.h"
#include "tokenizer/tokenizer.h"

namespace {

bp::Tokenizer small_tokenizer(const char* pre) {
  bp::Vocabulary v;
  v.model = "gpt2";
  v.pre = pre;
  for (int b = 0; b < 256; ++b) v.tokens.push_back(bp::alphabet_of_byte(static_cast<unsigned char>(b)));
  for (const char* merge : {"a b", "Ġ a", "ab ab", "Ġa b", "Ġ Ġ", "ĠĠ ĠĠ", "1 2"}) {
    std::string merged = merge;
    std::erase(merged, ' ');
    v.tokens.push_back(merged);
    v.merges.emplace_back(merge);
  }
  v.types.assign(v.tokens.size(), bp::TokenType::kNormal);
  v.tokens.insert(v.tokens.end(), {"<|im_start|>", "<|im_end|>", "<tool>"});
  v.types.insert(v.types.end(), {bp::TokenType::kControl, bp::TokenType::kControl, bp::TokenType::kUserDefined});
  return bp::Tokenizer::create(std::move(v), "fuzz").value();
}

void check(const bp::Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    const auto ids = tokenizer.encode(text, {.add_special = special, .parse_special = special});
    bp::Detokenizer detokenizer(tokenizer, false);
    std::string streamed;
    for (const bp::TokenId id : ids) streamed += detokenizer.push(id);
    streamed += detokenizer.flush();
    if (streamed != tokenizer.decode(ids, false)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bp::Tokenizer kTokenizers[] = {small_tokenizer("smollm"), small_tokenizer("llama-bpe"),
                                              small_tokenizer("qwen2"), small_tokenizer("falcon"),
                                              small_tokenizer("deepseek-coder")};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& tokenizer : kTokenizers) check(tokenizer, text);
  const auto read = bp::Tokenizer::from_json(text, "", "fuzz");
  if (read) check(*read, "ab <tool> 12 é");
  return 0;
}
