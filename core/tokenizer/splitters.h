// The rules that cut a text into pre-tokens, each written by hand: what a regular expression says in other engines,
// in one linear pass.
// Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace bp {

// Appends the end of each piece of `text`, counted from `base` on; the last is base + text.size(). An empty text has
// none.
using Splitter = void (*)(std::string_view text, size_t base, std::vector<size_t>& ends);

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
void split_gpt2(std::string_view text, size_t base, std::vector<size_t>& ends);
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
void split_llama3(std::string_view text, size_t base, std::vector<size_t>& ends);
// The same with \p{N}
void split_qwen2(std::string_view text, size_t base, std::vector<size_t>& ends);
// The same with letters and marks, [\p{L}\p{M}]
void split_qwen35(std::string_view text, size_t base, std::vector<size_t>& ends);
// Llama 3's with \p{N}+
void split_llama3_any_digits(std::string_view text, size_t base, std::vector<size_t>& ends);
// Qwen 2's without the contractions
void split_qwen2_no_contractions(std::string_view text, size_t base, std::vector<size_t>& ends);
// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
// \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
void split_gpt4o(std::string_view text, size_t base, std::vector<size_t>& ends);
// The same with \p{N} and without the contractions
void split_tekken(std::string_view text, size_t base, std::vector<size_t>& ends);
// [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+
void split_deepseek3(std::string_view text, size_t base, std::vector<size_t>& ends);

// \p{N}
void split_digits(std::string_view text, size_t base, std::vector<size_t>& ends);
// \p{N}+
void split_digit_runs(std::string_view text, size_t base, std::vector<size_t>& ends);
// [0-9][0-9][0-9]
void split_three_digits(std::string_view text, size_t base, std::vector<size_t>& ends);
// \p{N}+ over the text as the byte alphabet writes it, where bytes such as 0xB2 are numbers too ("²")
void split_alphabet_digit_runs(std::string_view text, size_t base, std::vector<size_t>& ends);
// [\p{P}$+<=>^`|~]+
void split_punctuation_runs(std::string_view text, size_t base, std::vector<size_t>& ends);
// [\r\n]
void split_line_ends(std::string_view text, size_t base, std::vector<size_t>& ends);
// \s?\p{L}+
void split_spaced_letters(std::string_view text, size_t base, std::vector<size_t>& ends);
// \s?\p{P}+
void split_spaced_punctuation(std::string_view text, size_t base, std::vector<size_t>& ends);
// [一-龥ࠀ-一가-퟿]+
void split_cjk_runs(std::string_view text, size_t base, std::vector<size_t>& ends);

// \s+$  in a text of one line, or of one line end
void split_trailing_space(std::string_view text, size_t base, std::vector<size_t>& ends);
// \p{N}{1,3}
void split_three_numbers(std::string_view text, size_t base, std::vector<size_t>& ends);
// [一-龥぀-ゟ゠-ヿ]+
void split_han_kana_runs(std::string_view text, size_t base, std::vector<size_t>& ends);
// \d{1,3}(?=(?:\d{3})*\b)
void split_digit_groups(std::string_view text, size_t base, std::vector<size_t>& ends);
// [^\n]+|[\n]+
void split_lines(std::string_view text, size_t base, std::vector<size_t>& ends);

}  // namespace bp
