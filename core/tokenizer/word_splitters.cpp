// The splitters that find words, see splitters.h
#include <algorithm>

#include "tokenizer/scan.h"
#include "tokenizer/splitters.h"

namespace bp {
namespace {

using unicode::Char;
using unicode::char_at;
using unicode::ClassSet;
using unicode::kLetter;
using unicode::kLowercase;
using unicode::kMark;
using unicode::kNumber;
using unicode::kPunctuation;
using unicode::kSpace;
using unicode::kSymbol;
using unicode::kTitlecase;
using unicode::kUppercase;

constexpr size_t kUnlimited = ~size_t{0};

// 's|'t|'re|'ve|'m|'ll|'d: the end, or `at`.
size_t contraction_end(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at + 1);
  if (rest.empty()) return at;
  const char c = rest[0];
  if (c == 's' || c == 't' || c == 'm' || c == 'd') return at + 2;
  if (rest.starts_with("re") || rest.starts_with("ve") || rest.starts_with("ll")) return at + 3;
  return at;
}

size_t contraction_end_any_case(std::string_view text, size_t at) {
  if (text.substr(at + 1).starts_with("\u017f")) return at + 3;  // long s folds to s
  const auto lower = [&](size_t i) {
    return i < text.size() ? (text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] | 0x20) : text[i]) : '\0';
  };
  const char folded[] = {'\'', lower(at + 1), lower(at + 2)};
  return at + contraction_end({folded, 3}, 0);
}

size_t gpt2_end(std::string_view text, size_t at) {
  const Char first = char_at(text, at);
  if (first.code_point == '\'') {
    if (const size_t end = contraction_end(text, at); end != at) return end;
  }
  size_t start = at;
  Char c = first;
  if (first.code_point == ' ' && at + 1 < text.size()) {
    start = at + 1;
    c = char_at(text, start);
  }
  if (c.is(kSpace)) return white_space_end(text, at);
  const size_t after = start + c.n_bytes;
  if (c.is(kLetter)) return run_end(text, after, kLetter);
  if (c.is(kNumber)) return run_end(text, after, kNumber);
  return run_end_without(text, after, kSpace | kLetter | kNumber);
}

// How the patterns after Llama 3's differ.
struct Dialect {
  ClassSet letters = kLetter;  // what a word is made of
  size_t max_digits = 3;       // of one number
  bool contractions = true;    // 's, 't, … are pieces
};

// \s*[\r\n]+|\s+(?!\S)|\s+  REQUIRES: white space at `at`.
size_t space_end(std::string_view text, size_t at) {
  const size_t lines = lines_end(text, at);
  return lines != at ? lines : white_space_end(text, at);
}

size_t llama3_end(std::string_view text, size_t at, const Dialect& dialect) {
  const Char first = char_at(text, at);
  if (first.code_point == '\'' && dialect.contractions) {
    if (const size_t end = contraction_end_any_case(text, at); end != at) return end;
  }
  const size_t second = at + first.n_bytes;
  const ClassSet letters = dialect.letters;
  // A mark that counts as a letter is also what may stand before letters: the run is the same.
  if (first.is(letters)) return run_end(text, second, letters);
  if (first.is(kNumber)) return run_end(text, at, kNumber, dialect.max_digits);
  if (!is_line_end(text[at])) {
    if (const size_t end = run_end(text, second, letters); end != second) return end;
  }
  const size_t start = first.code_point == ' ' ? second : at;
  size_t end = start;
  while (end < text.size()) {
    const Char c = char_at(text, end);
    if (c.is(kSpace | letters | kNumber)) break;
    end += c.n_bytes;
  }
  if (end != start) {
    while (end < text.size() && is_line_end(text[end])) ++end;
    return end;
  }
  return space_end(text, at);
}

// The words of GPT-4o's pattern, which a change from lower to upper case ends:
//   [^\r\n\p{L}\p{N}]?U*V+  or else  [^\r\n\p{L}\p{N}]?U+V*  with U upper, title, V lower case, both also marks and
// letters without case. The end, or `at` where neither is there.
constexpr ClassSet kNoCase = unicode::kModifierLetter | unicode::kOtherLetter | kMark;
constexpr ClassSet kUpper = kUppercase | kTitlecase | kNoCase;
constexpr ClassSet kLower = kLowercase | kNoCase;

struct UpperRun {
  size_t end;
  size_t last_no_case_end;  // the end of the last character without case in it; its start where there is none
};

UpperRun upper_run(std::string_view text, size_t at) {
  UpperRun run{at, at};
  while (run.end < text.size()) {
    const Char c = char_at(text, run.end);
    if (!c.is(kUpper)) break;
    run.end += c.n_bytes;
    if (c.is(kNoCase)) run.last_no_case_end = run.end;
  }
  return run;
}

// U*V+ from `at`; `at` where it does not match.
size_t lower_word_end(std::string_view text, size_t at, const UpperRun& run) {
  const size_t end = run_end(text, run.end, kLower);
  return end != run.end ? end : run.last_no_case_end != at ? run.last_no_case_end : at;
}

size_t cased_word_end(std::string_view text, size_t at, const Char& first) {
  const bool prefix = !first.is(kLetter | kNumber) && !is_line_end(text[at]);
  const size_t behind = prefix ? at + first.n_bytes : at;
  const UpperRun run_behind = upper_run(text, behind);
  if (const size_t end = lower_word_end(text, behind, run_behind); end != behind) return end;
  const bool also_without = prefix && first.is(kMark);
  const UpperRun run_at = also_without ? upper_run(text, at) : UpperRun{at, at};
  if (also_without) {
    if (const size_t end = lower_word_end(text, at, run_at); end != at) return end;
  }
  if (run_behind.end != behind) return run_end(text, run_behind.end, kLower);
  return at;
}

size_t gpt4o_end(std::string_view text, size_t at, size_t max_digits, bool contractions) {
  const Char first = char_at(text, at);
  if (const size_t end = cased_word_end(text, at, first); end != at) {
    if (!contractions || end >= text.size() || text[end] != '\'') return end;
    return contraction_end_any_case(text, end);
  }
  if (first.is(kNumber)) return run_end(text, at, kNumber, max_digits);
  const size_t start = first.code_point == ' ' ? at + 1 : at;
  size_t end = run_end_without(text, start, kSpace | kLetter | kNumber);
  if (end != start) {
    while (end < text.size() && (is_line_end(text[end]) || text[end] == '/')) ++end;
    return end;
  }
  return space_end(text, at);
}

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_ascii_punctuation(char c) {
  const auto b = static_cast<unsigned char>(c);
  return b > 0x20 && b < 0x7F && !is_ascii_letter(c) && !(c >= '0' && c <= '9');
}

size_t deepseek3_end(std::string_view text, size_t at) {
  if (is_ascii_punctuation(text[at]) && at + 1 < text.size() && is_ascii_letter(text[at + 1])) {
    size_t end = at + 1;
    while (end < text.size() && is_ascii_letter(text[end])) ++end;
    return end;
  }
  const Char first = char_at(text, at);
  const size_t second = at + first.n_bytes;
  if (first.is(kLetter | kMark)) return run_end(text, second, kLetter | kMark);
  if (!first.is(kPunctuation | kSymbol) && !is_line_end(text[at])) {
    if (const size_t end = run_end(text, second, kLetter | kMark); end != second) return end;
  }
  const size_t start = first.code_point == ' ' ? second : at;
  size_t end = run_end(text, start, kPunctuation | kSymbol);
  if (end != start) {
    while (end < text.size() && is_line_end(text[end])) ++end;
    return end;
  }
  return first.is(kSpace) ? space_end(text, at) : at;
}

}  // namespace

void split_gpt2(std::string_view text, size_t base, std::vector<size_t>& ends) { cover(text, base, ends, gpt2_end); }

void split_llama3(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends, [](std::string_view t, size_t at) { return llama3_end(t, at, {}); });
}

void split_qwen2(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends, [](std::string_view t, size_t at) { return llama3_end(t, at, {.max_digits = 1}); });
}

void split_qwen35(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends,
        [](std::string_view t, size_t at) { return llama3_end(t, at, {.letters = kLetter | kMark, .max_digits = 1}); });
}

void split_llama3_any_digits(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends, [](std::string_view t, size_t at) { return llama3_end(t, at, {.max_digits = kUnlimited}); });
}

void split_qwen2_no_contractions(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends,
        [](std::string_view t, size_t at) { return llama3_end(t, at, {.max_digits = 1, .contractions = false}); });
}

void split_gpt4o(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends, [](std::string_view t, size_t at) { return gpt4o_end(t, at, 3, true); });
}

void split_tekken(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends, [](std::string_view t, size_t at) { return gpt4o_end(t, at, 1, false); });
}

void split_deepseek3(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, deepseek3_end);
}

}  // namespace bp
