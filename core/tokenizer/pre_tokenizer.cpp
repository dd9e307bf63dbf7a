#include "tokenizer/pre_tokenizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

namespace bp {
namespace {

struct NamedFamily {
  std::string_view name;
  PreTokenizerFamily family;
};

const std::vector<NamedFamily>& families() {
  const PreTokenizerFamily gpt2{.splitters = {split_gpt2}};
  const PreTokenizerFamily digits_then_gpt2{.splitters = {split_digits, split_gpt2}};
  const PreTokenizerFamily llama3{.splitters = {split_llama3}, .ignore_merges = true, .add_bos = true};
  // The model's own pipeline composes characters first, which its GGUF does not say.
  const PreTokenizerFamily qwen2{.splitters = {split_qwen2}, .nfc = true};
  const PreTokenizerFamily falcon{
      .splitters = {split_punctuation_runs, split_gpt2, split_alphabet_digit_runs, split_three_digits}};
  const PreTokenizerFamily deepseek_coder{
      .splitters = {split_line_ends, split_spaced_letters, split_spaced_punctuation, split_cjk_runs, split_digits}};
  static const std::vector<NamedFamily> list = {
      {"smollm", digits_then_gpt2},
      {"starcoder", digits_then_gpt2},
      {"refact", digits_then_gpt2},
      {"command-r", digits_then_gpt2},
      {"gpt-2", gpt2},
      {"mpt", gpt2},
      {"default", gpt2},
      {"llama-bpe", llama3},
      {"qwen2", qwen2},
      {"falcon", falcon},
      {"deepseek-coder", deepseek_coder},
  };
  return list;
}

}  // namespace

std::vector<size_t> PreTokenizer::split(std::string_view text) const {
  std::vector<size_t> ends;
  if (!text.empty()) ends.push_back(text.size());
  std::vector<size_t> finer;
  for (const Splitter splitter : splitters_) {
    finer.clear();
    size_t begin = 0;
    for (const size_t end : ends) {
      splitter(text.substr(begin, end - begin), begin, finer);
      begin = end;
    }
    ends.swap(finer);
  }
  return ends;
}

Result<PreTokenizerFamily> pre_tokenizer_family(std::string_view name, std::string_view where) {
  std::vector<std::string_view> names;
  for (const auto& entry : families()) {
    if (entry.name == name || (name.empty() && entry.name == "default")) return entry.family;
    names.push_back(entry.name);
  }
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("pre-tokenizer \"{}\" is not supported", name.substr(0, 80)),
              fmt::format("use a model with one of: {}", fmt::join(names, ", ")));
}

Splitter splitter_of_pattern(std::string_view pattern) {
  struct Known {
    std::string_view pattern;
    Splitter splitter;
  };
  static constexpr Known kKnown[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", split_gpt2},
      {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", split_gpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       split_llama3},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       split_qwen2},
      {R"([\r\n])", split_line_ends},
      {"[\r\n]", split_line_ends},
      {R"(\s?\p{L}+)", split_spaced_letters},
      {R"(\s?\p{P}+)", split_spaced_punctuation},
      {"[一-龥ࠀ-一가-퟿]+", split_cjk_runs},
      {"[0-9][0-9][0-9]", split_three_digits},
      {R"(\p{N})", split_digits},
      {R"(\p{N}+)", split_digit_runs},
  };
  for (const Known& known : kKnown) {
    if (known.pattern == pattern) return known.splitter;
  }
  return nullptr;
}

}  // namespace bp
