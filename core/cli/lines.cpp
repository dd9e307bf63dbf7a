#include "cli/lines.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/output.h"

namespace bp::cli {
namespace {

constexpr size_t kMaxLineBytes = size_t{64} << 20;

// The next line without its newline; false at the end.
Result<bool> next_line(std::string& line) {
  line.clear();
  for (int c; (c = std::getc(stdin)) != EOF;) {
    if (c == '\n') return true;
    line += static_cast<char>(c);
    if (line.size() > kMaxLineBytes) {
      return fail(ErrorCode::kUsage, "standard input",
                  fmt::format("a line is too long (over {} bytes)", kMaxLineBytes));
    }
  }
  return !line.empty();
}

}  // namespace

Status read_lines(const std::function<Status(const json::value&, const std::string&)>& read) {
  std::string line;
  for (size_t number = 1;; ++number) {
    BP_TRY(const bool more, next_line(line));
    if (!more) return {};
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = fmt::format("standard input:{}", number);
    auto value = parse_json(line, where);
    if (!value.has_value()) {
      value.error().code = ErrorCode::kUsage;
      return std::unexpected(std::move(value.error()));
    }
    BP_TRY_VOID(read(*value, where));
  }
}

Status for_each_line(const std::function<Result<json::value>(const json::value&, const std::string&)>& answer) {
  return read_lines([&](const json::value& line, const std::string& where) -> Status {
    BP_TRY(const json::value result, answer(line, where));
    return print_json(result);
  });
}

}  // namespace bp::cli
