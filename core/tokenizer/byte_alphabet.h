// The alphabet of byte-level BPE (GPT-2): each byte is written as one printable code point.
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bp {

// The bytes that `text` writes, or nullopt where a character is not of the alphabet.
std::optional<std::string> bytes_of_alphabet(std::string_view text);
// Into a buffer the caller keeps; false (and an undefined `out`) where a character is not of the alphabet.
bool bytes_of_alphabet(std::string_view text, std::string& out);

// How the alphabet writes `byte`, as UTF-8.
std::string alphabet_of_byte(unsigned char byte);

// Appends `bytes` in the alphabet.
void append_alphabet(std::string& out, std::string_view bytes);

}  // namespace bp
