#include "tokenizer/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tokenizer/unicode_age.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

using Points = std::vector<utf8proc_int32_t>;

// Decomposed, composed and ordered by nobody when the vocabularies were trained.
bool is_young(char32_t c) { return is_in(c, kYoungMarks) || is_in(c, kYoungCompositions); }

int combining_class(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

void append_decomposed(Points& points, char32_t c, bool compatible) {
  std::array<utf8proc_int32_t, 32> buffer{};
  int last_boundary = UTF8PROC_BOUNDCLASS_START;
  const auto n = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(c), buffer.data(), buffer.size(),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0)),
      &last_boundary);
  if (n < 1 || n > static_cast<utf8proc_ssize_t>(buffer.size())) {
    points.push_back(static_cast<utf8proc_int32_t>(c));
  } else {
    points.insert(points.end(), buffer.begin(), buffer.begin() + n);
  }
}

// utf8proc's own ordering is a bubble sort, quadratic on a long run of marks.
void order_marks(Points& points) {
  for (size_t begin = 0; begin < points.size();) {
    size_t end = begin;
    while (end < points.size() && combining_class(points[end]) != 0) ++end;
    if (end - begin > 1) {
      std::stable_sort(points.begin() + static_cast<ptrdiff_t>(begin), points.begin() + static_cast<ptrdiff_t>(end),
                       [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    }
    begin = end + 1;
  }
}

// Moves `points` to the end of `out`, ordered and, where asked, composed.
void flush(std::string& out, Points& points, bool compose) {
  order_marks(points);
  if (compose) {
    const auto n = utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                                            static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (n >= 0) points.resize(static_cast<size_t>(n));
  }
  for (const auto c : points) utf8::append(out, static_cast<char32_t>(c));
  points.clear();
}

// Text of lower bytes alone is in the form already: form C has all below U+0300, the others ASCII.
bool is_plain(std::string_view text, NormalForm form) {
  const unsigned limit = form == NormalForm::kC ? 0xCC : 0x80;
  return std::ranges::all_of(text, [limit](char c) { return static_cast<unsigned char>(c) < limit; });
}

}  // namespace

std::string normalize(std::string_view text, NormalForm form) {
  if (is_plain(text, form)) return std::string(text);
  const bool compose = form == NormalForm::kC || form == NormalForm::kKC;
  const bool compatible = form == NormalForm::kKC || form == NormalForm::kKD;
  std::string out;
  out.reserve(text.size());
  Points points;
  for (size_t at = 0; at < text.size();) {
    const utf8::Step step = utf8::next(text, at);
    if (step.form == utf8::Form::kValid && !is_young(step.code_point)) {
      append_decomposed(points, step.code_point, compatible);
    } else {
      flush(out, points, compose);
      out.append(text.substr(at, step.n_bytes));
    }
    at += step.n_bytes;
  }
  flush(out, points, compose);
  return out;
}

}  // namespace bp
