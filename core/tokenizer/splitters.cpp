#include "tokenizer/splitters.h"

#include <algorithm>

#include "tokenizer/scan.h"

namespace bp {
namespace {

using unicode::Char;
using unicode::char_at;
using unicode::ClassSet;
using unicode::kLetter;
using unicode::kNumber;
using unicode::kPunctuation;
using unicode::kSpace;

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

bool is_han_or_kana(char32_t c) { return (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF); }

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

void split_trailing_space(std::string_view text, size_t base, std::vector<size_t>& ends) {
  size_t begin = text.size();
  while (begin > 0) {
    const size_t last = unicode::last_char_begin(text, begin);
    if (!char_at(text, last).is(kSpace)) break;
    begin = last;
  }
  if (begin > 0) ends.push_back(base + begin);
  if (begin < text.size()) ends.push_back(base + text.size());
}

void split_three_numbers(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) { return run_end(t, at, kNumber, 3); });
}

void split_han_kana_runs(std::string_view text, size_t base, std::vector<size_t>& ends) {
  isolate(text, base, ends, [](std::string_view t, size_t at) {
    return accepted_end(t, at, [](const Char& c) { return is_han_or_kana(c.code_point); });
  });
}

void split_digit_groups(std::string_view text, size_t base, std::vector<size_t>& ends) {
  size_t n_left = 0;         // digits of the run that is being cut
  size_t blocked_until = 0;  // the end of a run that is not cut
  isolate(text, base, ends, [&](std::string_view t, size_t at) {
    if (at < blocked_until) return at;
    if (n_left == 0) {
      size_t end = at;
      while (end < t.size() && char_at(t, end).is(unicode::kDecimal)) {
        end += char_at(t, end).n_bytes;
        ++n_left;
      }
      // Where a word goes on behind them there is no boundary for the groups to end at.
      if (end < t.size() && (char_at(t, end).is(kLetter | kNumber) || t[end] == '_')) {
        n_left = 0;
        blocked_until = end;
      }
      if (n_left == 0) return at;
    }
    const size_t group = n_left % 3 == 0 ? 3 : n_left % 3;
    n_left -= group;
    return run_end(t, at, unicode::kDecimal, group);
  });
}

void split_lines(std::string_view text, size_t base, std::vector<size_t>& ends) {
  for (size_t at = 0; at < text.size();) {
    const bool line_end = text[at] == '\n';
    while (at < text.size() && (text[at] == '\n') == line_end) ++at;
    ends.push_back(base + at);
  }
}

}  // namespace bp
