#include "zoo/http_headers.h"

#include <algorithm>
#include <charconv>

namespace bp {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// What follows `name` and a colon, without blanks; nothing where the line has another name.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
  for (size_t i = 0; i < name.size(); ++i) {
    if (lower(line[i]) != name[i]) return std::nullopt;
  }
  std::string_view value = line.substr(name.size() + 1);
  constexpr std::string_view kBlanks = " \t\r\n";
  while (!value.empty() && kBlanks.contains(value.front())) value.remove_prefix(1);
  while (!value.empty() && kBlanks.contains(value.back())) value.remove_suffix(1);
  return value;
}

std::string_view unquoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

void HttpHeaders::add(std::string_view line) {
  constexpr size_t kMaxTag = 256;
  if (line.starts_with("HTTP/")) {
    etag_.clear();
    range_first_ = range_total_ = std::nullopt;
  } else if (const auto tag = value_of(line, "etag")) {
    // A weak one (W/"…") does not promise the same bytes.
    etag_ = tag->size() >= 2 && tag->size() <= kMaxTag && tag->front() == '"' && tag->back() == '"' ? *tag : "";
  } else if (const auto range = value_of(line, "content-range")) {
    if (!range->starts_with("bytes ")) return;
    const std::string_view span = range->substr(6);
    const size_t slash = std::min(span.find('/'), span.size());
    range_first_ = parse_number(span.substr(0, span.find('-')));
    range_total_ = slash < span.size() ? parse_number(span.substr(slash + 1)) : std::nullopt;
  } else if (const auto linked = value_of(line, "x-linked-etag")) {
    linked_sha256_ = is_sha256(unquoted(*linked)) ? unquoted(*linked) : "";
  } else if (const auto size = value_of(line, "x-linked-size")) {
    linked_size_ = parse_number(*size);
  }
}

}  // namespace bp
