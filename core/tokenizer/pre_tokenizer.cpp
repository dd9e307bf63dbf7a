#include "tokenizer/pre_tokenizer.h"

#include <memory>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/unicode.h"
#include "tokenizer/unicode_age.h"

namespace bp {
namespace {

void cut(const Splitter splitter, std::string_view text, std::vector<size_t>& ends, std::vector<size_t>& scratch) {
  scratch.clear();
  size_t begin = 0;
  for (const size_t end : ends) {
    splitter(text.substr(begin, end - begin), begin, scratch);
    begin = end;
  }
  ends.swap(scratch);
}

// A stretch of a piece: a match or not.
struct Part {
  size_t begin;
  size_t end;
  bool match;
};

// All of `size` bytes as parts in turn, from the matches.
void parts_of(const std::vector<TextRange>& matches, size_t size, bool invert, std::vector<Part>& parts) {
  parts.clear();
  size_t begin = 0;
  for (const TextRange& match : matches) {
    if (match.begin > begin) parts.push_back({begin, match.begin, invert});
    parts.push_back({match.begin, match.end, !invert});
    begin = match.end;
  }
  if (begin < size) parts.push_back({begin, size, invert});
}

// Joins parts by `behavior`; `emit` gets the pieces.
template <class Emit>
void join(const std::vector<Part>& parts, SplitBehavior behavior, Emit emit) {
  TextRange open{0, 0};  // the piece that may still grow
  bool open_match = false;
  const auto close = [&] {
    if (open.end > open.begin) emit(open);
  };
  for (const Part& part : parts) {
    bool grows = false;
    switch (behavior) {
      case SplitBehavior::kRemoved:
      case SplitBehavior::kIsolated:
        break;
      case SplitBehavior::kMergedWithPrevious:
        grows = part.match && !open_match;
        break;
      case SplitBehavior::kMergedWithNext:
        grows = !part.match && open_match;
        break;
      case SplitBehavior::kContiguous:
        grows = part.match == open_match;
        break;
    }
    if (behavior == SplitBehavior::kRemoved && part.match) continue;
    if (grows && open.end == part.begin) {
      open.end = part.end;
    } else {
      close();
      open = {part.begin, part.end};
    }
    open_match = part.match;
  }
  close();
}

// Rewrites every piece; put(piece, first piece?, out) appends what it becomes.
template <class Put>
void rewrite(PreTokens& tokens, Put put) {
  std::string out;
  out.reserve(tokens.text.size() + tokens.text.size() / 4);
  for (size_t i = 0; i < tokens.pieces.size(); ++i) {
    TextRange& piece = tokens.pieces[i];
    const size_t begin = out.size();
    put(tokens.text.substr(piece.begin, piece.end - piece.begin), i == 0 && tokens.starts_text, out);
    piece = {begin, out.size()};
  }
  tokens.rewritten = std::move(out);
  tokens.text = tokens.rewritten;
}

bool is_split_off(const unicode::Char& c) {
  if (c.code_point < 0x80)
    return c.is(unicode::kPunctuation) || std::string_view("$+<=>^`|~").contains(static_cast<char>(c.code_point));
  return (c.is(unicode::kPunctuation) && !is_in(c.code_point, kYoungPunctuation)) ||
         is_in(c.code_point, kOldPunctuation);
}

template <class Accept>
Finder find_chars(Accept accept) {
  return [accept](std::string_view text, std::vector<TextRange>& out) {
    for (size_t at = 0; at < text.size();) {
      const unicode::Char c = unicode::char_at(text, at);
      if (accept(c)) out.push_back({at, at + c.n_bytes});
      at += c.n_bytes;
    }
  };
}

}  // namespace

void PreTokenizer::add(Splitter splitter) {
  if (steps_.empty()) {
    splitters_.push_back(splitter);
  } else {
    steps_.push_back(splitter_step(splitter));
  }
}

void PreTokenizer::split(std::string_view text, bool first, PreTokens& out) const {
  out.text = text;
  out.pieces.clear();
  out.starts_text = first;
  if (text.empty()) return;
  if (splitters_.empty()) {
    out.pieces.push_back({0, text.size()});
  } else {
    std::vector<size_t> ends{text.size()};
    std::vector<size_t> scratch;
    for (const Splitter splitter : splitters_) cut(splitter, text, ends, scratch);
    out.pieces.reserve(ends.size());
    size_t begin = 0;
    for (const size_t end : ends) {
      out.pieces.push_back({begin, end});
      begin = end;
    }
  }
  for (const Step& step : steps_) step(out);
}

PreTokenizer::Step split_step(Finder finder, SplitBehavior behavior, bool invert) {
  return [finder = std::move(finder), behavior, invert](PreTokens& tokens) {
    std::vector<TextRange> pieces;
    pieces.reserve(tokens.pieces.size());
    std::vector<TextRange> matches;
    std::vector<Part> parts;
    for (const TextRange& piece : tokens.pieces) {
      matches.clear();
      const size_t size = piece.end - piece.begin;
      finder(tokens.text.substr(piece.begin, size), matches);
      parts_of(matches, size, invert, parts);
      join(parts, behavior,
           [&](TextRange part) { pieces.push_back({piece.begin + part.begin, piece.begin + part.end}); });
    }
    if (!tokens.pieces.empty() && (pieces.empty() || pieces[0].begin != tokens.pieces[0].begin))
      tokens.starts_text = false;
    tokens.pieces = std::move(pieces);
  };
}

PreTokenizer::Step split_step(TextPattern pattern, SplitBehavior behavior, bool invert) {
  auto shared = std::make_shared<const TextPattern>(std::move(pattern));
  return split_step([shared](std::string_view text, std::vector<TextRange>& out) { shared->find_all(text, out); },
                    behavior, invert);
}

PreTokenizer::Step splitter_step(Splitter splitter) {
  return [splitter](PreTokens& tokens) {
    std::vector<TextRange> pieces;
    std::vector<size_t> ends;
    for (const TextRange& piece : tokens.pieces) {
      ends.clear();
      splitter(tokens.text.substr(piece.begin, piece.end - piece.begin), piece.begin, ends);
      size_t begin = piece.begin;
      for (const size_t end : ends) {
        pieces.push_back({begin, end});
        begin = end;
      }
    }
    tokens.pieces = std::move(pieces);
  };
}

PreTokenizer::Step metaspace_step(std::string mark, PrependScheme scheme, bool split) {
  const auto cut_step = split_step(find_text(mark), SplitBehavior::kMergedWithNext, false);
  return [mark = std::move(mark), scheme, split, cut_step](PreTokens& tokens) {
    rewrite(tokens, [&](std::string_view piece, bool first, std::string& out) {
      const bool wanted = scheme == PrependScheme::kAlways || (scheme == PrependScheme::kFirst && first);
      if (wanted && !piece.starts_with(' ') && !piece.starts_with(mark)) out += mark;
      for (const char c : piece) {
        if (c == ' ') {
          out += mark;
        } else {
          out += c;
        }
      }
    });
    if (split) cut_step(tokens);
  };
}

PreTokenizer::Step byte_level_step(bool prefix_space, bool alphabet) {
  return [prefix_space, alphabet](PreTokens& tokens) {
    rewrite(tokens, [&](std::string_view piece, bool, std::string& out) {
      const std::string_view space = prefix_space && !piece.starts_with(' ') ? " " : "";
      if (alphabet) {
        append_alphabet(out, space);
        append_alphabet(out, piece);
      } else {
        out += space;
        out += piece;
      }
    });
  };
}

Finder find_white_space() {
  return find_chars([](const unicode::Char& c) { return c.is(unicode::kSpace); });
}

Finder find_digits() {
  return find_chars([](const unicode::Char& c) { return c.is(unicode::kNumber); });
}

Finder find_punctuation() { return find_chars(is_split_off); }

Finder find_text(std::string text) {
  auto pattern = std::make_shared<const TextPattern>(TextPattern::literal(text));
  return [pattern](std::string_view in, std::vector<TextRange>& out) { pattern->find_all(in, out); };
}

Finder find_words() {
  return [](std::string_view text, std::vector<TextRange>& out) {
    for (size_t at = 0; at < text.size();) {
      const unicode::Char first = unicode::char_at(text, at);
      size_t end = at + first.n_bytes;
      if (!first.is(unicode::kSpace)) {
        const bool word = unicode::is_word(first);
        while (end < text.size()) {
          const unicode::Char c = unicode::char_at(text, end);
          if (c.is(unicode::kSpace) || unicode::is_word(c) != word) break;
          end += c.n_bytes;
        }
        out.push_back({at, end});
      }
      at = end;
    }
  };
}

}  // namespace bp
