#include "tokenizer/normalizer.h"

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/unicode.h"
#include "tokenizer/unicode_age.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

// Calls put(char, its bytes, out) for each character.
template <class Put>
std::string map_chars(std::string_view text, Put put) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const unicode::Char c = unicode::char_at(text, at);
    put(c, text.substr(at, c.n_bytes), out);
    at += c.n_bytes;
  }
  return out;
}

std::string lowercase(std::string_view text) {
  return map_chars(text, [](const unicode::Char& c, std::string_view bytes, std::string& out) {
    if (c.code_point < 0x80) {
      out += c.code_point >= 'A' && c.code_point <= 'Z' ? static_cast<char>(c.code_point | 0x20) : bytes[0];
    } else if (c.code_point == 0x130) {  // the one letter whose lower case is two code points
      out += "i\u0307";
    } else if (const char32_t lower = unicode::to_lower(c.code_point); lower != c.code_point) {
      utf8::append(out, lower);
    } else {
      out += bytes;
    }
  });
}

bool is_accent(const unicode::Char& c) {
  return (c.is(unicode::kMark) && !is_in(c.code_point, kYoungMarks)) || is_in(c.code_point, kOldMarks);
}

std::string_view strip_spaces(std::string_view text, bool left, bool right) {
  while (left && !text.empty()) {
    const unicode::Char c = unicode::char_at(text, 0);
    if (!c.is(unicode::kSpace)) break;
    text.remove_prefix(c.n_bytes);
  }
  while (right && !text.empty()) {
    const size_t begin = unicode::last_char_begin(text, text.size());
    if (!unicode::char_at(text, begin).is(unicode::kSpace)) break;
    text = text.substr(0, begin);
  }
  return text;
}

bool is_one_of(char32_t c, std::initializer_list<std::pair<char32_t, char32_t>> ranges) {
  for (const auto& [first, last] : ranges) {
    if (c >= first && c <= last) return true;
  }
  return false;
}

std::string nmt(std::string_view text) {
  return map_chars(text, [](const unicode::Char& c, std::string_view bytes, std::string& out) {
    const char32_t p = c.code_point;
    if (is_one_of(p, {{1, 8}, {0xB, 0xB}, {0xE, 0x1F}, {0x7F, 0x7F}, {0x8F, 0x8F}, {0x9F, 0x9F}})) return;
    const bool space = is_one_of(p, {{9, 0xA},
                                     {0xC, 0xD},
                                     {0x1680, 0x1680},
                                     {0x200B, 0x200F},
                                     {0x2028, 0x2029},
                                     {0x2581, 0x2581},
                                     {0xFEFF, 0xFEFF},
                                     {0xFFFD, 0xFFFD}});
    if (space) {
      out += ' ';
    } else {
      out += bytes;
    }
  });
}

std::string replace(std::string_view text, const TextPattern& pattern, const std::string& content) {
  std::vector<TextRange> matches;
  pattern.find_all(text, matches);
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (const TextRange& match : matches) {
    out += text.substr(begin, match.begin - begin);
    out += content;
    begin = match.end;
  }
  out += text.substr(begin);
  return out;
}

std::string apply_by_graphemes(std::string_view text, const CharsMap& map) {
  constexpr size_t kMaxWhole = 5;  // bytes of a cluster that is looked up as a whole
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t end = unicode::grapheme_end(text, at);
    const std::string_view cluster = text.substr(at, end - at);
    const auto whole = cluster.size() <= kMaxWhole ? map.shortest(cluster) : std::nullopt;
    if (whole) {
      out += whole->replacement;
      at = end;
    }
    while (at < end) {
      const std::string_view bytes = text.substr(at, utf8::next(text, at).n_bytes);
      const auto part = map.shortest(bytes);
      out += part ? part->replacement : bytes;
      at += bytes.size();
    }
  }
  return out;
}

}  // namespace

std::string Normalizer::apply(std::string_view text, bool first) const {
  std::string out(text);
  for (const Step& step : steps_) out = step(out, first);
  return out;
}

Normalizer::Step normal_form_step(NormalForm form) {
  return [form](std::string_view text, bool) { return normalize(text, form); };
}

Normalizer::Step lowercase_step() {
  return [](std::string_view text, bool) { return lowercase(text); };
}

Normalizer::Step strip_accents_step() {
  return [](std::string_view text, bool) {
    return map_chars(text, [](const unicode::Char& c, std::string_view bytes, std::string& out) {
      if (!is_accent(c)) out += bytes;
    });
  };
}

Normalizer::Step strip_step(bool left, bool right) {
  return [left, right](std::string_view text, bool) { return std::string(strip_spaces(text, left, right)); };
}

Normalizer::Step prepend_step(std::string prefix) {
  return [prefix = std::move(prefix)](std::string_view text, bool) {
    return text.empty() ? std::string() : prefix + std::string(text);
  };
}

Normalizer::Step replace_step(TextPattern pattern, std::string content) {
  return [pattern = std::make_shared<const TextPattern>(std::move(pattern)), content = std::move(content)](
             std::string_view text, bool) { return replace(text, *pattern, content); };
}

Normalizer::Step nmt_step() {
  return [](std::string_view text, bool) { return nmt(text); };
}

Normalizer::Step byte_level_step() {
  return [](std::string_view text, bool) {
    std::string out;
    append_alphabet(out, text);
    return out;
  };
}

Normalizer::Step chars_map_step(std::shared_ptr<const CharsMap> map) {
  return [map = std::move(map)](std::string_view text, bool) { return apply_by_graphemes(text, *map); };
}

}  // namespace bp
