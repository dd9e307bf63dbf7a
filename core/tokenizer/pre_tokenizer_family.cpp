#include "tokenizer/pre_tokenizer_family.h"
#include "tokenizer/utf8.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

namespace bp {
namespace {

// The patterns as the models' own tokenizer.json write them.
constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3AnyDigits =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2NoContractions =
    R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDeepSeek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Letters with case, of the scripts that have it.
constexpr std::string_view kDeepSeekLetters =
    R"(\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\x{10400}-\x{1044f}\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df}\x{1e900}-\x{1e943}]+)";
constexpr std::string_view kDeepSeekPunctuation = R"(\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+)";
constexpr std::string_view kBloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";
constexpr std::string_view kSeedCoder =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kExaoneMoe =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
// Kimi's [A&&[^\p{Han}]] written with a look-ahead.
constexpr std::string_view kKimi =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])*(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])+(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kThreeNumbers = R"(\p{N}{1,3})";
constexpr std::string_view kOneNumber = R"(\p{N})";
constexpr std::string_view kNumbers = R"(\p{N}+)";
constexpr std::string_view kLineEnd = R"([\r\n])";
constexpr std::string_view kCjk = "[一-龥ࠀ-一가-퟿]+";
constexpr std::string_view kHanKana = "[一-龥぀-ゟ゠-ヿ]+";
// Falcon's, which goes on after the byte alphabet, and so by name.
constexpr std::string_view kFalcon = "falcon";

struct NamedFamily {
  std::vector<std::string_view> names;
  std::vector<std::string_view> patterns;
  bool nfc = false;
  bool ignore_merges = false;
  bool add_bos = false;
};

const std::vector<NamedFamily>& families() {
  static const std::vector<NamedFamily> list = {
      {.names = {"default",         "gpt-2",    "mpt",        "olmo",       "phi-2",      "jais",        "trillion",
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
      {.names = {"falcon"}, .patterns = {kFalcon}},
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

Result<PreTokenizerFamily> family_of(const NamedFamily& entry, std::string_view where) {
  PreTokenizerFamily family{
      .pre_tokenizer = {}, .nfc = entry.nfc, .ignore_merges = entry.ignore_merges, .add_bos = entry.add_bos};
  for (const std::string_view pattern : entry.patterns) {
    if (pattern == kFalcon) {
      for (const Splitter splitter :
           {split_punctuation_runs, split_gpt2, split_alphabet_digit_runs, split_three_digits})
        family.pre_tokenizer.add(splitter);
    } else {
      BP_TRY_VOID(add_isolating(family.pre_tokenizer, pattern, where));
    }
  }
  return family;
}

}  // namespace

Result<PreTokenizerFamily> pre_tokenizer_family(std::string_view name, std::string_view where) {
  if (name.empty()) name = "default";
  std::vector<std::string_view> names;
  for (const NamedFamily& entry : families()) {
    for (const std::string_view known : entry.names) {
      if (known == name) return family_of(entry, where);
      names.push_back(known);
    }
  }
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("pre-tokenizer \"{}\" is not supported", utf8::beginning(name, 80)),
              fmt::format("use a model with one of: {}", fmt::join(names, ", ")));
}

Splitter splitter_of_pattern(std::string_view pattern) {
  struct Known {
    std::string_view pattern;
    Splitter splitter;
  };
  static constexpr Known kKnown[] = {
      {kGpt2, split_gpt2},
      {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", split_gpt2},
      {kLlama3, split_llama3},
      {kLlama3AnyDigits, split_llama3_any_digits},
      {kQwen2, split_qwen2},
      {kQwen2NoContractions, split_qwen2_no_contractions},
      {kQwen35, split_qwen35},
      {kGpt4o, split_gpt4o},
      {kTekken, split_tekken},
      {kDeepSeek3, split_deepseek3},
      {"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
       "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
       split_deepseek3},
      {kLineEnd, split_line_ends},
      {"[\r\n]", split_line_ends},
      {R"(\s?\p{L}+)", split_spaced_letters},
      {R"(\s?\p{P}+)", split_spaced_punctuation},
      {R"(\s+$)", split_trailing_space},
      {R"(\d{1,3}(?=(?:\d{3})*\b))", split_digit_groups},
      {R"([^\n]+|[\n]+)", split_lines},
      {kCjk, split_cjk_runs},
      {kHanKana, split_han_kana_runs},
      {"[0-9][0-9][0-9]", split_three_digits},
      {kThreeNumbers, split_three_numbers},
      {kOneNumber, split_digits},
      {kNumbers, split_digit_runs},
  };
  for (const Known& known : kKnown) {
    if (known.pattern == pattern) return known.splitter;
  }
  return nullptr;
}

Status add_isolating(PreTokenizer& pre_tokenizer, std::string_view regex, std::string_view where) {
  if (const Splitter splitter = splitter_of_pattern(regex)) {
    pre_tokenizer.add(splitter);
    return {};
  }
  BP_TRY(TextPattern pattern, TextPattern::create(regex, where));
  pre_tokenizer.add(split_step(std::move(pattern), SplitBehavior::kIsolated, false));
  return {};
}

}  // namespace bp
