// Code points that libutf8proc knows and the libraries under Hugging Face's tokenizers, with older data, do not: their
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

// Left as they are in the compatibility forms.
inline constexpr CodePointRange kYoungCompositions[] = {
    {0X32FF, 0X32FF},   {0XA7F2, 0XA7F4},   {0XAB69, 0XAB69},   {0X10781, 0X10785}, {0X10787, 0X107B0},
    {0X107B2, 0X107BA}, {0X11938, 0X11938}, {0X1E030, 0X1E06D}, {0X1F16C, 0X1F16C}, {0X1FBF0, 0X1FBF9}};

// Marks that StripAccents keeps.
inline constexpr CodePointRange kYoungMarks[] = {
    {0X7FD, 0X7FD},     {0X898, 0X89F},     {0X8CA, 0X8D3},     {0X9FE, 0X9FE},     {0XAFA, 0XAFF},
    {0XB55, 0XB55},     {0XC04, 0XC04},     {0XC3C, 0XC3C},     {0XCF3, 0XCF3},     {0XD00, 0XD00},
    {0XD3B, 0XD3C},     {0XD81, 0XD81},     {0XEBA, 0XEBA},     {0XECE, 0XECE},     {0X1715, 0X1715},
    {0X180F, 0X180F},   {0X1ABF, 0X1ACE},   {0X1CF7, 0X1CF7},   {0X1DF6, 0X1DFA},   {0XA82C, 0XA82C},
    {0XA8FF, 0XA8FF},   {0X10D24, 0X10D27}, {0X10EAB, 0X10EAC}, {0X10EFD, 0X10EFF}, {0X10F46, 0X10F50},
    {0X10F82, 0X10F85}, {0X11070, 0X11070}, {0X11073, 0X11074}, {0X110C2, 0X110C2}, {0X11145, 0X11146},
    {0X111C9, 0X111C9}, {0X111CE, 0X111CF}, {0X11241, 0X11241}, {0X1133B, 0X1133B}, {0X1145E, 0X1145E},
    {0X1182C, 0X1183A}, {0X11930, 0X11935}, {0X11937, 0X11938}, {0X1193B, 0X1193E}, {0X11940, 0X11940},
    {0X11942, 0X11943}, {0X119D1, 0X119D7}, {0X119DA, 0X119E0}, {0X119E4, 0X119E4}, {0X11A01, 0X11A0A},
    {0X11A33, 0X11A39}, {0X11A3B, 0X11A3E}, {0X11A47, 0X11A47}, {0X11A51, 0X11A5B}, {0X11A8A, 0X11A99},
    {0X11D31, 0X11D36}, {0X11D3A, 0X11D3A}, {0X11D3C, 0X11D3D}, {0X11D3F, 0X11D45}, {0X11D47, 0X11D47},
    {0X11D8A, 0X11D8E}, {0X11D90, 0X11D91}, {0X11D93, 0X11D97}, {0X11EF3, 0X11EF6}, {0X11F00, 0X11F01},
    {0X11F03, 0X11F03}, {0X11F34, 0X11F3A}, {0X11F3E, 0X11F42}, {0X13440, 0X13440}, {0X13447, 0X13455},
    {0X16F4F, 0X16F4F}, {0X16F7F, 0X16F87}, {0X16FE4, 0X16FE4}, {0X16FF0, 0X16FF1}, {0X1CF00, 0X1CF2D},
    {0X1CF30, 0X1CF46}, {0X1E08F, 0X1E08F}, {0X1E130, 0X1E136}, {0X1E2AE, 0X1E2AE}, {0X1E2EC, 0X1E2EF},
    {0X1E4EC, 0X1E4EF}};

// No marks any more, but StripAccents drops them.
inline constexpr CodePointRange kOldMarks[] = {{0X1CF2, 0X1CF3}};

// Nonspacing marks that BertNormalizer keeps.
inline constexpr CodePointRange kYoungNonspacing[] = {
    {0X7FD, 0X7FD},     {0X898, 0X89F},     {0X8CA, 0X8E1},     {0X9FE, 0X9FE},     {0XAFA, 0XAFF},
    {0XB55, 0XB55},     {0XC04, 0XC04},     {0XC3C, 0XC3C},     {0XD00, 0XD00},     {0XD3B, 0XD3C},
    {0XD81, 0XD81},     {0XEBA, 0XEBA},     {0XECE, 0XECE},     {0X180F, 0X180F},   {0X1885, 0X1886},
    {0X1ABF, 0X1ACE},   {0X1DF6, 0X1DFB},   {0XA82C, 0XA82C},   {0XA8C5, 0XA8C5},   {0XA8FF, 0XA8FF},
    {0XA9BD, 0XA9BD},   {0X10D24, 0X10D27}, {0X10EAB, 0X10EAC}, {0X10EFD, 0X10EFF}, {0X10F46, 0X10F50},
    {0X10F82, 0X10F85}, {0X11070, 0X11070}, {0X11073, 0X11074}, {0X110C2, 0X110C2}, {0X111C9, 0X111C9},
    {0X111CF, 0X111CF}, {0X1123E, 0X1123E}, {0X11241, 0X11241}, {0X1133B, 0X1133B}, {0X11438, 0X1143F},
    {0X11442, 0X11444}, {0X11446, 0X11446}, {0X1145E, 0X1145E}, {0X1182F, 0X11837}, {0X11839, 0X1183A},
    {0X1193B, 0X1193C}, {0X1193E, 0X1193E}, {0X11943, 0X11943}, {0X119D4, 0X119D7}, {0X119DA, 0X119DB},
    {0X119E0, 0X119E0}, {0X11A01, 0X11A0A}, {0X11A33, 0X11A38}, {0X11A3B, 0X11A3E}, {0X11A47, 0X11A47},
    {0X11A51, 0X11A56}, {0X11A59, 0X11A5B}, {0X11A8A, 0X11A96}, {0X11A98, 0X11A99}, {0X11C30, 0X11C36},
    {0X11C38, 0X11C3D}, {0X11C3F, 0X11C3F}, {0X11C92, 0X11CA7}, {0X11CAA, 0X11CB0}, {0X11CB2, 0X11CB3},
    {0X11CB5, 0X11CB6}, {0X11D31, 0X11D36}, {0X11D3A, 0X11D3A}, {0X11D3C, 0X11D3D}, {0X11D3F, 0X11D45},
    {0X11D47, 0X11D47}, {0X11D90, 0X11D91}, {0X11D95, 0X11D95}, {0X11D97, 0X11D97}, {0X11EF3, 0X11EF4},
    {0X11F00, 0X11F01}, {0X11F36, 0X11F3A}, {0X11F40, 0X11F40}, {0X11F42, 0X11F42}, {0X13440, 0X13440},
    {0X13447, 0X13455}, {0X16F4F, 0X16F4F}, {0X16FE4, 0X16FE4}, {0X1CF00, 0X1CF2D}, {0X1CF30, 0X1CF46},
    {0X1E000, 0X1E006}, {0X1E008, 0X1E018}, {0X1E01B, 0X1E021}, {0X1E023, 0X1E024}, {0X1E026, 0X1E02A},
    {0X1E08F, 0X1E08F}, {0X1E130, 0X1E136}, {0X1E2AE, 0X1E2AE}, {0X1E2EC, 0X1E2EF}, {0X1E4EC, 0X1E4EF},
    {0X1E944, 0X1E94A}};

// No nonspacing marks any more, but BertNormalizer drops them.
inline constexpr CodePointRange kOldNonspacing[] = {{0X1734, 0X1734}};

// Control, format and private characters that BertNormalizer keeps.
inline constexpr CodePointRange kYoungOthers[] = {
    {0X890, 0X891}, {0X8E2, 0X8E2}, {0X110CD, 0X110CD}, {0X13430, 0X1343F}};

// Punctuation that Punctuation and BertPreTokenizer take for letters.
inline constexpr CodePointRange kYoungPunctuation[] = {
    {0X61D, 0X61D},     {0X9FD, 0X9FD},     {0XA76, 0XA76},     {0XC77, 0XC77},     {0XC84, 0XC84},
    {0X1B7D, 0X1B7E},   {0X2E43, 0X2E4F},   {0X2E52, 0X2E5D},   {0X10EAD, 0X10EAD}, {0X10F55, 0X10F59},
    {0X10F86, 0X10F89}, {0X1144B, 0X1144F}, {0X1145A, 0X1145B}, {0X1145D, 0X1145D}, {0X11660, 0X1166C},
    {0X116B9, 0X116B9}, {0X1183B, 0X1183B}, {0X11944, 0X11946}, {0X119E2, 0X119E2}, {0X11A3F, 0X11A46},
    {0X11A9A, 0X11A9C}, {0X11A9E, 0X11AA2}, {0X11B00, 0X11B09}, {0X11C41, 0X11C45}, {0X11C70, 0X11C71},
    {0X11EF7, 0X11EF8}, {0X11F43, 0X11F4F}, {0X11FFF, 0X11FFF}, {0X12FF1, 0X12FF2}, {0X16E97, 0X16E9A},
    {0X16FE2, 0X16FE2}, {0X1E95E, 0X1E95F}};

// No punctuation any more, but split off as such.
inline constexpr CodePointRange kOldPunctuation[] = {{0X166D, 0X166D}, {0X111C9, 0X111C9}};

}  // namespace bp
