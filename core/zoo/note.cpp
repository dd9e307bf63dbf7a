#include "zoo/note.h"

#include <fmt/format.h>

#include "zoo/http_headers.h"

namespace bp {

std::string write_note(const std::vector<NoteLine>& lines) {
  std::string text;
  for (const NoteLine& line : lines) text += fmt::format("{} {} {}\n", line.sha256, line.size_bytes, line.mtime_ns);
  return text;
}

std::optional<std::vector<NoteLine>> parse_note(std::string_view text) {
  std::vector<NoteLine> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const size_t first = line.find(' ');
    const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const std::string_view hash = line.substr(0, first);
    const auto size = parse_number(line.substr(first + 1, second - first - 1));
    const auto time = parse_number(line.substr(second + 1));
    if (!is_sha256(hash) || !size || !time || *time > INT64_MAX) return std::nullopt;
    lines.push_back({std::string(hash), *size, static_cast<int64_t>(*time)});
  }
  return lines;
}

}  // namespace bp
