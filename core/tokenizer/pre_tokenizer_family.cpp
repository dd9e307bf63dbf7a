#include "tokenizer/pre_tokenizer_family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "tokenizer/pre_tokenizer_patterns.h"
#include "tokenizer/pre_tokenizer_table.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

Result<PreTokenizerFamily> family_of(const NamedPreTokenizer& entry, std::string_view where) {
  PreTokenizerFamily family{
      .pre_tokenizer = {}, .nfc = entry.nfc, .ignore_merges = entry.ignore_merges, .add_bos = entry.add_bos};
  for (const std::string_view step : entry.patterns) {
    if (step == pattern::kPunctuationRuns) {
      family.pre_tokenizer.add(split_punctuation_runs);
    } else if (step == pattern::kAlphabetDigitRuns) {
      family.pre_tokenizer.add(split_alphabet_digit_runs);
    } else {
      BP_TRY_VOID(add_isolating(family.pre_tokenizer, step, where));
    }
  }
  return family;
}

}  // namespace

Result<PreTokenizerFamily> pre_tokenizer_family(std::string_view name, std::string_view where) {
  if (name.empty()) name = "default";
  std::vector<std::string_view> names;
  for (const NamedPreTokenizer& entry : named_pre_tokenizers()) {
    for (const std::string_view known : entry.names) {
      if (known == name) return family_of(entry, where);
      names.push_back(known);
    }
  }
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("pre-tokenizer \"{}\" is not supported", utf8::beginning(name, 80)),
              fmt::format("use a model with one of: {}", fmt::join(names, ", ")));
}

Splitter splitter_of_pattern(std::string_view regex) {
  using namespace pattern;
  struct Known {
    std::string_view regex;
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
      {kThreeDigits, split_three_digits},
      {kThreeNumbers, split_three_numbers},
      {kOneNumber, split_digits},
      {kNumbers, split_digit_runs},
  };
  for (const Known& known : kKnown) {
    if (known.regex == regex) return known.splitter;
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
