#include "tokenizer/pre_tokenizer_table.h"

#include "tokenizer/pre_tokenizer_patterns.h"

namespace bp {

const std::vector<NamedPreTokenizer>& named_pre_tokenizers() {
  using namespace pattern;
  static const std::vector<NamedPreTokenizer> list = {
      {.names = {"gpt-2",           "default",  "mpt",        "olmo",       "phi-2",      "jais",        "trillion",
                 "granite-docling", "gigachat", "exaone4",    "a.x-4.0",    "mellum",     "modern-bert", "roberta-bpe",
                 "jina-es",         "jina-de",  "jina-v1-en", "jina-v2-es", "jina-v2-de", "jina-v2-code"},
       .patterns = {kGpt2}},
      {.names = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"},
       .patterns = {kOneNumber, kGpt2}},
      {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
                 "jina-v5-nano"},
       .patterns = {kLlama3},
       .ignore_merges = true,
       .add_bos = true},
      {.names = {"dbrx", "smaug-bpe", "chatglm-bpe"}, .patterns = {kLlama3}},
      {.names = {"glm4", "glm5"}, .patterns = {kLlama3}, .ignore_merges = true},
      // The models' own pipelines compose characters first, which their GGUF do not say.
      {.names = {"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"}, .patterns = {kQwen2}, .nfc = true},
      {.names = {"qwen35"}, .patterns = {kQwen35}},
      {.names = {"stablelm2", "hunyuan", "solar-open", "grok-2"}, .patterns = {kQwen2}},
      {.names = {"ufakzeka"}, .patterns = {kQwen2NoContractions}},
      {.names = {"laguna"}, .patterns = {R"([^\n]+|[\n]+)", kQwen2}},
      {.names = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"}, .patterns = {kGpt4o}},
      {.names = {"granite-embed-multi-97m"}, .patterns = {kGpt4o}, .ignore_merges = true},
      {.names = {"tiny_aya", "cohere2moe"}, .patterns = {R"(\d{1,3}(?=(?:\d{3})*\b))", kGpt4o}},
      {.names = {"tekken"}, .patterns = {kTekken}, .ignore_merges = true, .add_bos = true},
      {.names = {"falcon"}, .patterns = {kPunctuationRuns, kGpt2, kAlphabetDigitRuns, kThreeDigits}},
      {.names = {"deepseek-llm"},
       .patterns = {kLineEnd, kDeepSeekLetters, kDeepSeekPunctuation, R"(\s+$)", kCjk, kNumbers}},
      {.names = {"deepseek-coder"}, .patterns = {kLineEnd, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kCjk, kOneNumber}},
      {.names = {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
       .patterns = {kThreeNumbers, kHanKana, kDeepSeek3}},
      {.names = {"kimi-k2"}, .patterns = {kKimi}},
      {.names = {"minicpm5"}, .patterns = {kThreeNumbers, kLlama3AnyDigits}, .ignore_merges = true},
      {.names = {"seed-coder"}, .patterns = {kSeedCoder}},
      {.names = {"bailingmoe", "bailingmoe2", "llada-moe"}, .patterns = {kBailing}},
      {.names = {"exaone-moe"}, .patterns = {kExaoneMoe}},
      {.names = {"bloom", "poro-chat", "gpt3-finnish"}, .patterns = {kBloom}},
      {.names = {"viking"}, .patterns = {kBloom, kOneNumber}},
  };
  return list;
}

}  // namespace bp
