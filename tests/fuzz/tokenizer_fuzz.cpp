// Any bytes as a tokenizer.json, and as the text of small tokenizers of every kind: an error or ids, which decode.
#include <cstdint>
#include <string_view>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer_check.h"

namespace {

bp::Tokenizer byte_level(const char* pre) {
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

bp::Tokenizer of_text(const char* model) {
  bp::Vocabulary v;
  v.model = model;
  v.tokens = {"<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "ab", "▁ab", "é", "▁▁", "<tool>", "中", "\n", "\n\n"};
  v.types.assign(v.tokens.size(), bp::TokenType::kNormal);
  v.types[0] = bp::TokenType::kUnknown;
  v.types[1] = v.types[2] = bp::TokenType::kControl;
  v.types[11] = bp::TokenType::kUserDefined;
  for (size_t i = 0; i < v.tokens.size(); ++i) v.scores.push_back(-static_cast<float>(i));
  v.merges = {"a b", "▁ a", "▁a b", "▁ ▁", "▁ ab"};
  v.bos = 1;
  v.eos = 2;
  v.unk = 0;
  return bp::Tokenizer::create(std::move(v), "fuzz").value();
}

}  // namespace

constexpr size_t kMaxText = 256;  // a file is longer, and goes through all of these

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bp::Tokenizer kTokenizers[] = {byte_level("smollm"),
                                              byte_level("llama-bpe"),
                                              byte_level("qwen2"),
                                              byte_level("falcon"),
                                              byte_level("deepseek-llm"),
                                              byte_level("deepseek-v3"),
                                              byte_level("gpt-4o"),
                                              byte_level("tekken"),
                                              byte_level("kimi-k2"),
                                              byte_level("tiny_aya"),
                                              byte_level("qwen35"),
                                              byte_level("exaone-moe"),
                                              of_text("llama"),
                                              of_text("t5"),
                                              of_text("bert"),
                                              of_text("gemma4")};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& tokenizer : kTokenizers) bp::fuzz::check(tokenizer, text.substr(0, kMaxText));
  const auto read = bp::Tokenizer::from_json(text, "", "fuzz");
  if (read) bp::fuzz::check(*read, bp::fuzz::kText);
  return 0;
}
