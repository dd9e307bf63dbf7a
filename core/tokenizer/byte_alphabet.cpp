#include "tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "tokenizer/utf8.h"

namespace bp {
namespace {

constexpr size_t kAlphabetEnd = 0x144;  // the last of the shifted code points is U+0143

constexpr bool stands_for_itself(unsigned b) {
  return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
}

struct Tables {
  std::array<uint16_t, 256> code_points{};
  std::array<int16_t, kAlphabetEnd> bytes{};  // -1: not of the alphabet
};

constexpr Tables make_tables() {
  Tables t;
  for (auto& b : t.bytes) b = -1;
  uint16_t shifted = 0x100;
  for (unsigned b = 0; b < 256; ++b) {
    t.code_points[b] = stands_for_itself(b) ? static_cast<uint16_t>(b) : shifted++;
    t.bytes[t.code_points[b]] = static_cast<int16_t>(b);
  }
  return t;
}

constexpr Tables kTables = make_tables();

}  // namespace

bool bytes_of_alphabet(std::string_view text, std::string& out) {
  out.resize(text.size());
  char* end = out.data();
  for (size_t at = 0; at < text.size(); ++at) {
    uint32_t code_point = static_cast<unsigned char>(text[at]);
    if (code_point >= 0x80) {  // the alphabet ends below U+0144: no sequence has more than two bytes
      const uint32_t second = at + 1 < text.size() ? static_cast<unsigned char>(text[++at]) : 0u;
      if (code_point < 0xC2 || code_point > 0xC5 || (second & 0xC0) != 0x80) return false;
      code_point = (code_point & 0x1F) << 6 | (second & 0x3F);
    }
    if (code_point >= kAlphabetEnd || kTables.bytes[code_point] < 0) return false;
    *end++ = static_cast<char>(kTables.bytes[code_point]);
  }
  out.resize(static_cast<size_t>(end - out.data()));
  return true;
}

std::optional<std::string> bytes_of_alphabet(std::string_view text) {
  std::string out;
  if (!bytes_of_alphabet(text, out)) return std::nullopt;
  return out;
}

std::string alphabet_of_byte(unsigned char byte) {
  std::string out;
  utf8::append(out, kTables.code_points[byte]);
  return out;
}

void append_alphabet(std::string& out, std::string_view bytes) {
  for (const char c : bytes) utf8::append(out, kTables.code_points[static_cast<unsigned char>(c)]);
}

}  // namespace bp
