#include "tokenizer/utf8.h"

namespace bp::utf8 {
namespace {

struct Lead {
  uint32_t n_bytes;  // 0: no lead byte
  unsigned char second_min;
  unsigned char second_max;
};

Lead classify(unsigned char lead) {
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Step next(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1, Form::kValid};
  const Lead lead = classify(first);
  if (lead.n_bytes == 0) return {kReplacement, 1, Form::kInvalid};
  uint32_t value = first & (0x7Fu >> lead.n_bytes);
  for (uint32_t i = 1; i < lead.n_bytes; ++i) {
    if (at + i >= text.size()) return {kReplacement, i, Form::kIncomplete};
    const auto byte = static_cast<unsigned char>(text[at + i]);
    const bool fits = i == 1 ? byte >= lead.second_min && byte <= lead.second_max : (byte & 0xC0) == 0x80;
    if (!fits) return {kReplacement, i, Form::kInvalid};
    value = value << 6 | (byte & 0x3Fu);
  }
  return {value, lead.n_bytes, Form::kValid};
}

void append(std::string& out, char32_t code_point) {
  const auto c = static_cast<uint32_t>(code_point);
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::string_view beginning(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (static_cast<unsigned char>(text[max_bytes]) & 0xC0) == 0x80) --max_bytes;
  return text.substr(0, max_bytes);
}

size_t append_replacing(std::string& out, std::string_view bytes, bool more_may_come) {
  size_t at = 0;
  size_t kept_from = 0;  // valid bytes are copied in runs
  while (at < bytes.size()) {
    const Step step = next(bytes, at);
    if (step.form != Form::kValid) {
      out.append(bytes.substr(kept_from, at - kept_from));
      if (step.form == Form::kIncomplete && more_may_come) return at;
      append(out, kReplacement);
      kept_from = at + step.n_bytes;
    }
    at += step.n_bytes;
  }
  out.append(bytes.substr(kept_from));
  return at;
}

}  // namespace bp::utf8
