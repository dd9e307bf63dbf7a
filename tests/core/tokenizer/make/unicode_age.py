#!/usr/bin/env python3
"""Prints core/tokenizer/unicode_age.h: where the libraries under Hugging Face's tokenizers know an older Unicode than
libutf8proc does, found by asking both about every code point.

    pip install tokenizers && unicode_age.py | clang-format-19 > core/tokenizer/unicode_age.h
"""
import ctypes

from tokenizers import normalizers, pre_tokenizers

CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co".split()
utf8proc = ctypes.CDLL("libutf8proc.so.2")
POINTS = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
CATEGORY = {c: CATEGORIES[utf8proc.utf8proc_category(c)] for c in POINTS}
utf8proc.utf8proc_map.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]
utf8proc.utf8proc_map.restype = ctypes.c_ssize_t
STABLE, COMPAT, DECOMPOSE = 2, 4, 16


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def decomposed(c, options):
    result, text = ctypes.c_void_p(), chr(c).encode()
    n = utf8proc.utf8proc_map(text, len(text), ctypes.byref(result), options)
    return ctypes.string_at(result, n).decode()


def table(name, comment, points):
    print(f"// {comment}")
    print(f"inline constexpr CodePointRange {name}[] = {{")
    print(",".join(f"{{{a:#X}, {b:#X}}}" for a, b in ranges(points)))
    print("};\n")


def dropped(normalizer):
    return {c for c in POINTS if normalizer.normalize_str("a" + chr(c)) == "a"}


def bert(**on):
    return normalizers.BertNormalizer(**({"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False} | on))


print("""// Code points that libutf8proc knows and the libraries under Hugging Face's tokenizers, with older data, do not: their
// tokens were trained that way. Made by tests/core/tokenizer/make/unicode_age.py.
// Thread-safety: constants.
#pragma once

#include <algorithm>
#include <iterator>
#include <span>

namespace bp {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// REQUIRES: `ranges` in order.
inline bool is_in(char32_t c, std::span<const CodePointRange> ranges) {
  const auto it = std::ranges::lower_bound(ranges, c, {}, &CodePointRange::last);
  return it != ranges.end() && c >= it->first;
}
""")
nfkd, nfd = normalizers.NFKD(), normalizers.NFD()
table("kYoungCompositions", "Left as they are in the compatibility forms.",
      {c for c in POINTS if nfkd.normalize_str(chr(c)) != decomposed(c, STABLE | DECOMPOSE | COMPAT)} |
      {c for c in POINTS if nfd.normalize_str(chr(c)) != decomposed(c, STABLE | DECOMPOSE)})
marks = dropped(normalizers.StripAccents())
table("kYoungMarks", "Marks that StripAccents keeps.", {c for c in POINTS if CATEGORY[c][0] == "M" and c not in marks})
table("kOldMarks", "No marks any more, but StripAccents drops them.", {c for c in marks if CATEGORY[c][0] != "M"})
marks = dropped(bert(strip_accents=True))
table("kYoungNonspacing", "Nonspacing marks that BertNormalizer keeps.",
      {c for c in POINTS if CATEGORY[c] == "Mn" and chr(c) in nfd.normalize_str(chr(c)) and c not in marks})
table("kOldNonspacing", "No nonspacing marks any more, but BertNormalizer drops them.", {c for c in marks if CATEGORY[c] != "Mn"})
others = dropped(bert(clean_text=True))
table("kYoungOthers", "Control, format and private characters that BertNormalizer keeps.",
      {c for c in POINTS if CATEGORY[c] in ("Cc", "Cf", "Co", "Cs") and c not in others and c not in (9, 10, 13)})
split = pre_tokenizers.BertPreTokenizer()
punctuation = {c for c in POINTS if [x for x, _ in split.pre_tokenize_str("a" + chr(c) + "a")] == ["a", chr(c), "a"]}
table("kYoungPunctuation", "Punctuation that Punctuation and BertPreTokenizer take for letters.",
      {c for c in POINTS if CATEGORY[c][0] == "P" and c not in punctuation})
table("kOldPunctuation", "No punctuation any more, but split off as such.",
      {c for c in punctuation if CATEGORY[c][0] != "P" and c >= 0x80})
print("}  // namespace bp")
