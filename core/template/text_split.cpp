#include "template/text_split.h"

#include <algorithm>

#include "template/unicode_class.h"
#include "template/unicode_text.h"

namespace bp::jinja {

Pieces split_by(Run& run, std::string_view text, std::string_view by, int64_t limit) {
  Pieces pieces;
  while (limit != 0 && run.step()) {
    const size_t at = text.find(by);
    if (at == std::string_view::npos) break;
    pieces.push_back(text.substr(0, at));
    text = text.substr(at + by.size());
    --limit;
  }
  pieces.push_back(text);
  return pieces;
}

Pieces split_by_from_right(Run& run, std::string_view text, std::string_view by, int64_t limit) {
  Pieces pieces;
  while (limit != 0 && run.step()) {
    const size_t at = text.rfind(by);
    if (at == std::string_view::npos) break;
    pieces.push_back(text.substr(at + by.size()));
    text = text.substr(0, at);
    --limit;
  }
  pieces.push_back(text);
  std::ranges::reverse(pieces);
  return pieces;
}

Pieces split_spaces(Run& run, std::string_view text, int64_t limit) {
  Pieces pieces;
  std::string_view rest = strip(text, nullptr, true, false);
  while (!rest.empty() && run.step()) {
    if (limit-- == 0) {
      pieces.push_back(rest);
      break;
    }
    size_t end = 0;
    while (end < rest.size() && !is_space(char_at(rest, end))) end += char_bytes(rest, end);
    pieces.push_back(rest.substr(0, end));
    rest = strip(rest.substr(end), nullptr, true, false);
  }
  return pieces;
}

Pieces split_spaces_from_right(Run& run, std::string_view text, int64_t limit) {
  Pieces all = split_spaces(run, text, -1);
  const std::ptrdiff_t n = std::ssize(all);
  if (limit < 0 || limit >= n) return all;
  const std::ptrdiff_t first_kept = n - limit;
  const std::string_view last = all[static_cast<size_t>(first_kept - 1)];
  const std::string_view head(text.data(), static_cast<size_t>(last.data() + last.size() - text.data()));
  Pieces pieces{head};
  pieces.insert(pieces.end(), all.begin() + first_kept, all.end());
  return pieces;
}

Pieces split_lines(Run& run, std::string_view text, bool keep_ends) {
  const auto ends_line = [](char32_t c) {
    return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  Pieces lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size() && !run.failed();) {
    const char32_t c = char_at(text, at);
    const size_t line_end = at;
    at += char_bytes(text, at);
    if (!ends_line(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : line_end) - begin));
    begin = at;
    run.step();
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

Value make_pieces(Run& run, const Pieces& pieces, bool safe) {
  Values items;
  items.reserve(pieces.size());
  for (const std::string_view piece : pieces) {
    if (!run.step()) break;
    items.push_back(make_text(run, std::string(piece), safe));
  }
  return make_sequence(run, Kind::kList, std::move(items));
}

}  // namespace bp::jinja
