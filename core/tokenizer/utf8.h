// UTF-8 as it comes: valid or not. An ill-formed sequence counts as its maximal subparts (Unicode 3.9, table 3-7),
// each of which reads as U+FFFD.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bp::utf8 {

inline constexpr char32_t kReplacement = 0xFFFD;

enum class Form : uint8_t {
  kValid,
  kInvalid,
  kIncomplete,  // the text ends inside a sequence that is well-formed so far
};

struct Step {
  char32_t code_point;  // kReplacement unless valid
  uint32_t n_bytes;     // >= 1
  Form form;
};

// REQUIRES: at < text.size().
Step next(std::string_view text, size_t at);

void append(std::string& out, char32_t code_point);

// At most the first `max_bytes` of `text`, for messages: not cut within a character.
std::string_view beginning(std::string_view text, size_t max_bytes);

// Appends `bytes` with U+FFFD for what is no UTF-8; returns how many bytes were used: all, but where `more_may_come`
// the incomplete sequence at the end stays.
size_t append_replacing(std::string& out, std::string_view bytes, bool more_may_come);

}  // namespace bp::utf8
