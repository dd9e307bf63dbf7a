#include "tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "tokenizer/utf8.h"

namespace bp::unicode {
namespace {

static_assert(kUppercase == 1u << UTF8PROC_CATEGORY_LU && kOtherLetter == 1u << UTF8PROC_CATEGORY_LO &&
              kMark == (1u << UTF8PROC_CATEGORY_MN | 1u << UTF8PROC_CATEGORY_MC | 1u << UTF8PROC_CATEGORY_ME) &&
              (kNumber & 1u << UTF8PROC_CATEGORY_NO) != 0 && (kPunctuation & 1u << UTF8PROC_CATEGORY_PC) != 0 &&
              (kPunctuation & 1u << UTF8PROC_CATEGORY_PO) != 0 && (kSymbol & 1u << UTF8PROC_CATEGORY_SM) != 0 &&
              (kSymbol & 1u << UTF8PROC_CATEGORY_SO) != 0);

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

ClassSet look_up(char32_t c) {
  const auto category = static_cast<uint32_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)));
  return 1u << category | (is_white_space(c) ? kSpace : 0);
}

constexpr size_t kTableSize = 0x10000;

// The basic plane, where nearly all text lies: one byte each, the category and the white space flag.
const std::array<uint8_t, kTableSize>& basic_plane() {
  static const std::array<uint8_t, kTableSize> table = [] {
    std::array<uint8_t, kTableSize> t{};
    for (char32_t c = 0; c < kTableSize; ++c) {
      const auto category = static_cast<uint32_t>(utf8proc_category(static_cast<utf8proc_int32_t>(c)));
      t[c] = static_cast<uint8_t>(category | (is_white_space(c) ? 0x80u : 0u));
    }
    return t;
  }();
  return table;
}

using Points = std::vector<utf8proc_int32_t>;

struct Range {
  char32_t first;
  char32_t last;
};

// Marks younger than Unicode 9, where the normaliser of Hugging Face's tokenizers stands: vocabularies were trained
// with these unordered and uncomposed.
constexpr Range kYoungMarks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},
    {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E},
    {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x11935, 0x11935}, {0x11938, 0x11938}, {0x1193D, 0x1193E},
    {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
};

bool is_young_mark(char32_t c) {
  const auto* it = std::ranges::lower_bound(kYoungMarks, c, {}, &Range::last);
  return it != std::end(kYoungMarks) && c >= it->first;
}

int combining_class(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

void append_decomposed(Points& points, char32_t c) {
  std::array<utf8proc_int32_t, 32> buffer{};
  int last_boundary = UTF8PROC_BOUNDCLASS_START;
  const auto n =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer.data(), buffer.size(),
                              static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &last_boundary);
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

void append_composed(std::string& out, Points& points) {
  order_marks(points);
  const auto n = utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                                          static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (n >= 0) points.resize(static_cast<size_t>(n));
  for (const auto c : points) utf8::append(out, static_cast<char32_t>(c));
  points.clear();
}

}  // namespace

ClassSet class_of(char32_t code_point) {
  if (code_point >= kTableSize) return look_up(code_point);
  const uint8_t entry = basic_plane()[code_point];
  return 1u << (entry & 0x1F) | (entry & 0x80 ? kSpace : 0);
}

Char char_at(std::string_view text, size_t at) {
  const utf8::Step step = utf8::next(text, at);
  return {step.code_point, step.n_bytes, class_of(step.code_point)};
}

std::string nfc(std::string_view text) {
  // Every code point below U+0300 is in form C and composes with nothing before it.
  const bool plain = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
  if (plain) return std::string(text);
  std::string out;
  out.reserve(text.size());
  Points points;
  for (size_t at = 0; at < text.size();) {
    const utf8::Step step = utf8::next(text, at);
    if (step.form == utf8::Form::kValid && !is_young_mark(step.code_point)) {
      append_decomposed(points, step.code_point);
    } else {
      append_composed(out, points);
      out.append(text.substr(at, step.n_bytes));
    }
    at += step.n_bytes;
  }
  append_composed(out, points);
  return out;
}

}  // namespace bp::unicode
