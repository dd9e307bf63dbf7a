#include "template/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/unicode_class.h"
#include "template/unicode_text.h"

namespace bp::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// jinja2 reads every line end as \n and drops the last one.
std::string normalize_lines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view source, std::string_view where) : where_(where), source_(normalize_lines(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size() && error_.empty()) read_text();
    if (!error_.empty()) {
      return fail(ErrorCode::kRefused, fmt::format("{}:{}", where_, line_), error_, "the template is not valid Jinja");
    }
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool looking_at(std::string_view text) const { return rest().starts_with(text); }

  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }

  void advance(size_t n) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                         source_.begin() + static_cast<ptrdiff_t>(at_ + n), '\n'));
    at_ += n;
  }

  void skip_space() {
    while (at_ < source_.size()) {
      const size_t n = char_bytes(source_, at_);
      if (!is_space(char_at(source_, at_))) break;
      advance(n);
    }
  }

  // The text before a tag, with the white space gone that `sign` or lstrip_blocks takes.
  std::string_view stripped(std::string_view text, char sign, bool is_variable) const {
    if (sign == '-') return strip(text, nullptr, false, true);
    if (sign == '+' || is_variable) return text;
    const size_t line_begin = text.rfind('\n') + 1;  // 0 where there is none
    if (line_begin == 0 && !line_starting_) return text;
    if (line_begin == text.size() || !strip(text.substr(line_begin), nullptr, true, true).empty()) return text;
    return text.substr(0, line_begin);
  }

  size_t find_tag() const {
    for (size_t i = at_; (i = source_.find('{', i)) != std::string::npos; ++i) {
      const char next = i + 1 < source_.size() ? source_[i + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return i;
    }
    return std::string::npos;
  }

  static char sign_of(std::string_view text) {
    return !text.empty() && (text[0] == '-' || text[0] == '+') ? text[0] : '\0';
  }

  void read_text() {
    const size_t tag = find_tag();
    if (tag == std::string::npos) {
      push(TokenKind::kText, source_.substr(at_));
      at_ = source_.size();
      return;
    }
    const char opener = source_[tag + 1];
    const char sign = sign_of(std::string_view(source_).substr(tag + 2));
    const std::string_view text = stripped(rest().substr(0, tag - at_), sign, opener == '{');
    if (!text.empty()) push(TokenKind::kText, std::string(text));
    advance(tag + 2 + (sign != '\0') - at_);
    if (opener == '#') return read_comment();
    if (opener == '%' && read_raw()) return;
    push(opener == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
    read_tokens(opener == '{' ? '}' : '%');
  }

  // What ends a block tag or a comment: -%} with the white space behind it, +%}, or %} with one line end.
  // 0 where it does not end here.
  size_t end_length(char closer) const {
    const std::string plain{closer, '}'};
    if (looking_at("-" + plain)) {
      const std::string_view behind = rest().substr(3);
      return 3 + (behind.size() - strip(behind, nullptr, true, false).size());
    }
    if (closer == '}') return looking_at(plain) ? 2 : 0;
    if (looking_at("+" + plain)) return 3;
    if (!looking_at(plain)) return 0;
    return rest().size() > 2 && rest()[2] == '\n' ? 3 : 2;
  }

  void close(size_t length) {
    advance(length);
    line_starting_ = source_[at_ - 1] == '\n';
  }

  void read_comment() {
    for (;; advance(1)) {
      const size_t next = rest().find_first_of("-+#");
      if (next == std::string_view::npos) {
        error_ = "a comment is not closed";
        return;
      }
      advance(next);
      if (const size_t length = end_length('#')) return close(length);
    }
  }

  // {% raw %} … {% endraw %}, from behind the sign of its tag on.
  bool read_raw() {
    size_t i = at_;
    const auto skip = [&](size_t from) {
      while (from < source_.size() && is_blank(source_[from])) ++from;
      return from;
    };
    i = skip(i);
    if (source_.compare(i, 3, "raw") != 0) return false;
    i = skip(i + 3);
    const bool strips = source_.compare(i, 3, "-%}") == 0;
    if (!strips && source_.compare(i, 2, "%}") != 0) return false;
    i += strips ? 3 : 2;
    advance(i - at_);
    if (strips) skip_space();
    line_starting_ = source_[at_ - 1] == '\n';
    read_raw_body();
    return true;
  }

  void read_raw_body() {
    for (size_t tag = at_; (tag = source_.find("{%", tag)) != std::string::npos; ++tag) {
      size_t i = tag + 2;
      const char sign = sign_of(std::string_view(source_).substr(i));
      if (sign != '\0') ++i;
      while (i < source_.size() && is_blank(source_[i])) ++i;
      if (source_.compare(i, 6, "endraw") != 0) continue;
      i += 6;
      while (i < source_.size() && is_blank(source_[i])) ++i;
      const size_t begin = std::exchange(at_, i);
      const size_t length = end_length('%');
      at_ = begin;
      if (length == 0) continue;
      const std::string_view text = stripped(rest().substr(0, tag - at_), sign, false);
      if (!text.empty()) push(TokenKind::kText, std::string(text));
      advance(i - at_);
      return close(length);
    }
    error_ = "a raw block is not closed";
  }

  void read_tokens(char closer) {
    std::string open;  // brackets: a tag does not end inside of them
    while (error_.empty()) {
      if (open.empty()) {
        if (const size_t length = end_length(closer)) {
          push(closer == '}' ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, "");
          return close(length);
        }
      }
      skip_space();
      if (at_ >= source_.size()) {
        error_ = "a tag is not closed";
        return;
      }
      if (open.empty() && end_length(closer) != 0) continue;
      read_token(open);
    }
  }

  void read_token(std::string& open) {
    const char c = source_[at_];
    if (is_name_start(c)) return read_name();
    if (is_digit(c)) return read_number();
    if (c == '\'' || c == '"') return read_string(c);
    read_operator(open);
  }

  void read_name() {
    size_t n = 0;
    while (n < rest().size() && is_name_char(rest()[n])) ++n;
    push(TokenKind::kName, std::string(rest().substr(0, n)));
    advance(n);
  }

  size_t digits_end(size_t i) const {
    while (i < rest().size() &&
           (is_digit(rest()[i]) || (rest()[i] == '_' && i + 1 < rest().size() && is_digit(rest()[i + 1]))))
      ++i;
    return i;
  }

  void read_number() {
    size_t n = digits_end(0);
    bool is_float = false;
    const auto digit_at = [&](size_t i) { return i < rest().size() && is_digit(rest()[i]); };
    if (n < rest().size() && rest()[n] == '.' && digit_at(n + 1)) {
      is_float = true;
      n = digits_end(n + 1);
    }
    if (n < rest().size() && (rest()[n] == 'e' || rest()[n] == 'E')) {
      const size_t sign = n + 1 < rest().size() && (rest()[n + 1] == '+' || rest()[n + 1] == '-') ? 1 : 0;
      if (digit_at(n + 1 + sign)) {
        is_float = true;
        n = digits_end(n + 1 + sign);
      }
    }
    std::string text(rest().substr(0, n));
    std::erase(text, '_');
    push(is_float ? TokenKind::kFloat : TokenKind::kInteger, std::move(text));
    advance(n);
  }

  void read_string(char quote) {
    std::string out;
    size_t i = 1;
    while (i < rest().size() && rest()[i] != quote) {
      if (rest()[i] != '\\') {
        out += rest()[i++];
      } else if (i + 1 < rest().size()) {
        i = read_escape(i + 1, out);
      } else {
        break;
      }
    }
    if (i >= rest().size()) {
      error_ = "a string is not closed";
      return;
    }
    push(TokenKind::kString, std::move(out));
    advance(i + 1);
  }

  // The character behind a backslash, at `i`; returns where reading goes on.
  size_t read_escape(size_t i, std::string& out) {
    static constexpr std::string_view kFrom = "abfnrtv\\'\"";
    static constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\'\"";
    const char c = rest()[i];
    if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
      out += kTo[known];
      return i + 1;
    }
    if (c == '\n') return i + 1;
    if (c == 'x' || c == 'u' || c == 'U') return read_hex_escape(i + 1, c == 'x' ? 2 : c == 'u' ? 4 : 8, out);
    if (c >= '0' && c <= '7') {
      char32_t value = 0;
      size_t n = 0;
      for (; n < 3 && i + n < rest().size() && rest()[i + n] >= '0' && rest()[i + n] <= '7'; ++n) {
        value = value * 8 + static_cast<char32_t>(rest()[i + n] - '0');
      }
      append_char(out, value);
      return i + n;
    }
    out += '\\';
    return i;
  }

  size_t read_hex_escape(size_t i, size_t n_digits, std::string& out) {
    char32_t value = 0;
    for (size_t n = 0; n < n_digits; ++n) {
      const char c = i + n < rest().size() ? rest()[i + n] : '\0';
      const int digit = is_digit(c)            ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) {
        error_ = "a string holds a \\x, \\u or \\U without its digits";
        return i;
      }
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) value = 0xFFFD;
    append_char(out, value);
    return i + n_digits;
  }

  void read_operator(std::string& open) {
    static constexpr std::string_view kTwo[] = {"==", "!=", ">=", "<=", "**", "//"};
    static constexpr std::string_view kOne = "+-*/%~[](){}<>=.:|,;";
    const std::string_view two = rest().substr(0, 2);
    if (std::ranges::find(kTwo, two) != std::end(kTwo)) {
      push(TokenKind::kOperator, std::string(two));
      return advance(2);
    }
    const char c = rest()[0];
    if (!kOne.contains(c)) {
      error_ = fmt::format("unexpected character {:?}", std::string(1, c));
      return;
    }
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) {
        error_ = fmt::format("unexpected '{}'", c);
        return;
      }
      open.pop_back();
    }
    push(TokenKind::kOperator, std::string(1, c));
    advance(1);
  }

  std::string_view where_;
  std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string error_;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source, std::string_view where) {
  return Lexer(source, where).run();
}

}  // namespace bp::jinja
