#include "tokenizer/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <bitset>
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

struct Steps {
  bool compose;
  bool compatible;
};

Steps steps_of(NormalForm form) {
  return {.compose = form == NormalForm::kC || form == NormalForm::kKC,
          .compatible = form == NormalForm::kKC || form == NormalForm::kKD};
}

// Appends a stretch, whatever is in it. `points` is scratch, empty between calls.
void append_normalized(std::string& out, std::string_view text, const Steps& steps, Points& points) {
  for (size_t at = 0; at < text.size();) {
    const utf8::Step step = utf8::next(text, at);
    if (step.form == utf8::Form::kValid && !is_young(step.code_point)) {
      append_decomposed(points, step.code_point, steps.compatible);
    } else {
      flush(out, points, steps.compose);
      out.append(text.substr(at, step.n_bytes));
    }
    at += step.n_bytes;
  }
  flush(out, points, steps.compose);
}

constexpr char32_t kTableSize = 0x10000;  // nearly all text is of the basic plane
using StableTable = std::bitset<kTableSize>;

// Characters that stay as they are and never join what stands before them: a stretch of text may end at each. Marks may
// join, and the vowels and final consonants of Hangul.
StableTable make_table(const Steps& steps) {
  StableTable table;
  Points points;
  std::string itself, normalized;
  for (char32_t c = 1; c < kTableSize; ++c) {
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    const bool mark =
        category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
    if (mark || category == UTF8PROC_CATEGORY_CS || (c >= 0x1160 && c <= 0x11FF) || is_young(c)) continue;
    itself.clear();
    normalized.clear();
    utf8::append(itself, c);
    append_decomposed(points, c, steps.compatible);
    flush(normalized, points, steps.compose);
    table[c] = normalized == itself;
  }
  return table;
}

const StableTable& stable_table(NormalForm form) {
  switch (form) {
    case NormalForm::kC: {
      static const StableTable table = make_table(steps_of(NormalForm::kC));
      return table;
    }
    case NormalForm::kD: {
      static const StableTable table = make_table(steps_of(NormalForm::kD));
      return table;
    }
    case NormalForm::kKC: {
      static const StableTable table = make_table(steps_of(NormalForm::kKC));
      return table;
    }
    case NormalForm::kKD:
      break;
  }
  static const StableTable table = make_table(steps_of(NormalForm::kKD));
  return table;
}

}  // namespace

std::string normalize(std::string_view text, NormalForm form) {
  if (is_plain(text, form)) return std::string(text);
  const StableTable& stable = stable_table(form);
  const Steps steps = steps_of(form);
  std::string out;
  out.reserve(text.size());
  Points points;
  size_t kept_from = 0;   // what is behind it, up to `last`, stays as it is
  size_t last = 0;        // the last stable character
  bool changing = false;  // since `last` there was another
  for (size_t at = 0; at < text.size();) {
    const utf8::Step step = utf8::next(text, at);
    if (step.form == utf8::Form::kValid && step.code_point < kTableSize && stable[step.code_point]) {
      if (changing) {
        out.append(text.substr(kept_from, last - kept_from));
        append_normalized(out, text.substr(last, at - last), steps, points);
        kept_from = at;
        changing = false;
      }
      last = at;
    } else {
      changing = true;
    }
    at += step.n_bytes;
  }
  const size_t end = changing ? last : text.size();
  out.append(text.substr(kept_from, end - kept_from));
  append_normalized(out, text.substr(end), steps, points);
  return out;
}

}  // namespace bp
