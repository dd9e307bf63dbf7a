// A regular expression that a tokenizer file brings: searched for with limits. The one file pair that sees PCRE2.
// Thread-safety: immutable after creation; find_all() is const.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bp {

struct TextRange {
  size_t begin;
  size_t end;
  bool operator==(const TextRange&) const = default;
};

class TextPattern {
 public:
  static constexpr size_t kMaxBytes = 64 * 1024;

  // As Hugging Face's tokenizers read it (Oniguruma's Ruby syntax): Unicode classes, ^ and $ at every line.
  // Errors: kUnsupported for what no regular expression is, or for syntax that means something else here.
  static Result<TextPattern> create(std::string_view regex, std::string_view where);
  // Exactly `text`.
  static TextPattern literal(std::string_view text);

  TextPattern(TextPattern&&) noexcept;
  TextPattern& operator=(TextPattern&&) noexcept;
  ~TextPattern();

  // Appends the non-empty matches in `text`, in order, none overlapping. Bytes that are no UTF-8 match nothing. The
  // work is limited to a multiple of the size: where a pattern backtracks beyond it, nothing more is found.
  void find_all(std::string_view text, std::vector<TextRange>& out) const;

 private:
  struct Compiled;
  explicit TextPattern(std::unique_ptr<const Compiled> compiled);

  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace bp
