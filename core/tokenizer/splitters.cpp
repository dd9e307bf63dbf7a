#include "tokenizer/splitters.h"

#include <algorithm>

#include "tokenizer/unicode.h"

namespace bp {
namespace {

using unicode::Char;
using unicode::char_at;
using unicode::ClassSet;
using unicode::kLetter;
using unicode::kNumber;
using unicode::kPunctuation;
using unicode::kSpace;

// The end of the run of `set` that starts at `at`; `at` where there is none. At most `max_chars` characters.
size_t run_end(std::string_view text, size_t at, ClassSet set, size_t max_chars = ~size_t{0}) {
  for (; at < text.size() && max_chars > 0; --max_chars) {
    const Char c = char_at(text, at);
    if (!c.is(set)) break;
    at += c.n_bytes;
  }
  return at;
}

size_t run_end_without(std::string_view text, size_t at, ClassSet excluded) {
  while (at < text.size()) {
    const Char c = char_at(text, at);
    if (c.is(excluded)) break;
    at += c.n_bytes;
  }
  return at;
}

bool is_line_end(char c) { return c == '\r' || c == '\n'; }

// \s+(?!\S)|\s+  REQUIRES: white space at `at`.
size_t white_space_end(std::string_view text, size_t at) {
  size_t last = at;
  size_t end = at;
  while (end < text.size()) {
    const Char c = char_at(text, end);
    if (!c.is(kSpace)) break;
    last = end;
    end += c.n_bytes;
  }
  return end == text.size() || last == at ? end : last;
}

// \s*[\r\n]+, or `at` where the white space there holds no line end.
size_t lines_end(std::string_view text, size_t at) {
  const size_t end = run_end(text, at, kSpace);
  size_t last = end;
  while (last > at && !is_line_end(text[last - 1])) --last;
  return last;
}

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

size_t llama3_end(std::string_view text, size_t at, size_t max_digits) {
  const Char first = char_at(text, at);
  if (first.code_point == '\'') {
    if (const size_t end = contraction_end_any_case(text, at); end != at) return end;
  }
  const size_t second = at + first.n_bytes;
  if (first.is(kLetter)) return run_end(text, second, kLetter);
  if (first.is(kNumber)) return run_end(text, at, kNumber, max_digits);
  if (!is_line_end(text[at])) {
    if (const size_t end = run_end(text, second, kLetter); end != second) return end;
  }
  const size_t start = first.code_point == ' ' ? second : at;
  size_t end = run_end_without(text, start, kSpace | kLetter | kNumber);
  if (end != start) {
    while (end < text.size() && is_line_end(text[end])) ++end;
    return end;
  }
  if (const size_t lines = lines_end(text, at); lines != at) return lines;
  return white_space_end(text, at);
}

// Cuts all of the text: each piece ends where end_of(text, its start) says.
template <class EndOf>
void cover(std::string_view text, size_t base, std::vector<size_t>& ends, EndOf end_of) {
  for (size_t at = 0; at < text.size();) {
    at = end_of(text, at);
    ends.push_back(base + at);
  }
}

// Cuts out what end_of finds (its start where it finds nothing there); what lies between are pieces too.
template <class EndOf>
void isolate(std::string_view text, size_t base, std::vector<size_t>& ends, EndOf end_of) {
  size_t open = 0;  // where the piece between two finds begins
  for (size_t at = 0; at < text.size();) {
    const size_t end = end_of(text, at);
    if (end == at) {
      at += char_at(text, at).n_bytes;
      continue;
    }
    if (at > open) ends.push_back(base + at);
    ends.push_back(base + end);
    open = at = end;
  }
  if (open < text.size()) ends.push_back(base + text.size());
}

size_t spaced_run_end(std::string_view text, size_t at, ClassSet set) {
  const Char c = char_at(text, at);
  const size_t start = c.is(kSpace) ? at + c.n_bytes : at;
  const size_t end = run_end(text, start, set);
  return end == start ? at : end;
}

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

bool is_number_in_alphabet(char c) {
  const auto b = static_cast<unsigned char>(c);
  return is_ascii_digit(c) || b == 0xB2 || b == 0xB3 || b == 0xB9 || (b >= 0xBC && b <= 0xBE);
}

bool is_punctuation(const Char& c) {
  return c.is(kPunctuation) ||
         (c.code_point < 0x80 && std::string_view("$+<=>^`|~").contains(static_cast<char>(c.code_point)));
}

bool is_cjk(char32_t c) { return (c >= 0x0800 && c <= 0x9FA5) || (c >= 0xAC00 && c <= 0xD7FF); }

template <class Accept>
size_t accepted_end(std::string_view text, size_t at, Accept accept) {
  while (at < text.size()) {
    const Char c = char_at(text, at);
    if (!accept(c)) break;
    at += c.n_bytes;
  }
  return at;
}

}  // namespace

void split_gpt2(std::string_view text, size_t base, std::vector<size_t>& ends) { cover(text, base, ends, gpt2_end); }

void split_llama3(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends, [](std::string_view t, size_t at) { return llama3_end(t, at, 3); });
}

void split_qwen2(std::string_view text, size_t base, std::vector<size_t>& ends) {
  cover(text, base, ends, [](std::string_view t, size_t at) { return llama3_end(t, at, 1); });
}

void split_digits(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) { return run_end(t, at, kNumber, 1); });
}

void split_digit_runs(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) { return run_end(t, at, kNumber); });
}

void split_three_digits(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) {
    const std::string_view three = t.substr(at, 3);
    return three.size() == 3 && std::ranges::all_of(three, is_ascii_digit) ? at + 3 : at;
  });
}

void split_alphabet_digit_runs(std::string_view text, size_t base, std::vector<size_t>& ends) {
  for (size_t at = 0; at < text.size();) {
    const bool number = is_number_in_alphabet(text[at]);
    while (at < text.size() && is_number_in_alphabet(text[at]) == number) ++at;
    ends.push_back(base + at);
  }
}

void split_punctuation_runs(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) { return accepted_end(t, at, is_punctuation); });
}

void split_line_ends(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) { return is_line_end(t[at]) ? at + 1 : at; });
}

void split_spaced_letters(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) { return spaced_run_end(t, at, kLetter); });
}

void split_spaced_punctuation(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) { return spaced_run_end(t, at, kPunctuation); });
}

void split_cjk_runs(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) {
    return accepted_end(t, at, [](const Char& c) { return is_cjk(c.code_point); });
  });
}

}  // namespace bp
