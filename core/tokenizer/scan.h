// What the splitters are made of: where runs of characters end.
// Thread-safety: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/unicode.h"

namespace bp {

// The end of the run of `set` that starts at `at`; `at` where there is none. At most `max_chars` characters.
inline size_t run_end(std::string_view text, size_t at, unicode::ClassSet set, size_t max_chars = ~size_t{0}) {
  for (; at < text.size() && max_chars > 0; --max_chars) {
    const unicode::Char c = unicode::char_at(text, at);
    if (!c.is(set)) break;
    at += c.n_bytes;
  }
  return at;
}

inline size_t run_end_without(std::string_view text, size_t at, unicode::ClassSet excluded) {
  while (at < text.size()) {
    const unicode::Char c = unicode::char_at(text, at);
    if (c.is(excluded)) break;
    at += c.n_bytes;
  }
  return at;
}

inline bool is_line_end(char c) { return c == '\r' || c == '\n'; }

// \s+(?!\S)|\s+  REQUIRES: white space at `at`.
inline size_t white_space_end(std::string_view text, size_t at) {
  size_t last = at;
  size_t end = at;
  while (end < text.size()) {
    const unicode::Char c = unicode::char_at(text, end);
    if (!c.is(unicode::kSpace)) break;
    last = end;
    end += c.n_bytes;
  }
  return end == text.size() || last == at ? end : last;
}

// \s*[\r\n]+, or `at` where the white space there holds no line end.
inline size_t lines_end(std::string_view text, size_t at) {
  const size_t end = run_end(text, at, unicode::kSpace);
  size_t last = end;
  while (last > at && !is_line_end(text[last - 1])) --last;
  return last;
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
      at += unicode::char_at(text, at).n_bytes;
      continue;
    }
    if (at > open) ends.push_back(base + at);
    ends.push_back(base + end);
    open = at = end;
  }
  if (open < text.size()) ends.push_back(base + text.size());
}

}  // namespace bp
