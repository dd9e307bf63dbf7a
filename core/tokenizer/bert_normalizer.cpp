// BERT's normalisation, see normalizer.h
#include "tokenizer/normalizer.h"
#include "tokenizer/unicode.h"
#include "tokenizer/unicode_age.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_control(const unicode::Char& c) { return c.is(unicode::kOther) && !is_in(c.code_point, kYoungOthers); }

bool is_accent(const unicode::Char& c) {
  return (c.is(unicode::kNonspacingMark) && !is_in(c.code_point, kYoungNonspacing)) ||
         is_in(c.code_point, kOldNonspacing);
}

// Cleaning, spaces around Chinese characters.
std::string clean(std::string_view text, const BertNormalization& options) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x7F) {
      out += text[at++];
      continue;
    }
    const unicode::Char c = unicode::char_at(text, at);
    const std::string_view bytes = text.substr(at, c.n_bytes);
    at += c.n_bytes;
    if (options.clean_text) {
      const bool line = c.code_point == '\t' || c.code_point == '\n' || c.code_point == '\r';
      if (!line && (c.code_point == 0 || c.code_point == utf8::kReplacement || is_control(c))) continue;
      if (c.is(unicode::kSpace)) {
        out += ' ';
        continue;
      }
    }
    if (options.chinese_chars && is_chinese(c.code_point)) {
      out += ' ';
      out += bytes;
      out += ' ';
    } else {
      out += bytes;
    }
  }
  return out;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

std::string drop_nonspacing(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const unicode::Char c = unicode::char_at(text, at);
    if (!is_accent(c)) out += text.substr(at, c.n_bytes);
    at += c.n_bytes;
  }
  return out;
}

}  // namespace

Normalizer::Step bert_step(BertNormalization options) {
  return [options, lower = lowercase_step()](std::string_view text, bool first) {
    std::string out = clean(text, options);
    if (options.strip_accents && !is_ascii(out)) out = drop_nonspacing(normalize(out, NormalForm::kD));
    return options.lowercase ? lower(out, first) : out;
  };
}

}  // namespace bp
