#include "skips.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/toml_reader.h"

namespace bp::conformance {
namespace {

// "row_x.y" where a quoted key stands for it.
std::string unquoted(std::string_view key) {
  if (key.size() >= 2 && key.front() == key.back() && (key.front() == '"' || key.front() == '\''))
    key = key.substr(1, key.size() - 2);
  return std::string(key);
}

}  // namespace

Result<Skips> read_skips(const std::string& path, const std::string& plugin) {
  std::error_code error;
  Skips skips;
  if (!std::filesystem::exists(path, error)) return skips;
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) return fail(ErrorCode::kRefused, path, "cannot be read", "make it a text file");
  const std::string text = content.str();
  if (text.size() > kMaxConfigBytes) return fail(ErrorCode::kRefused, path, "is too long", "name fewer cases");
  const auto entries = read_toml(text, path);
  if (!entries) return fail(ErrorCode::kRefused, path, entries.error().text(), "correct the file");
  for (const TomlEntry& entry : *entries) {
    const std::string where = fmt::format("{}:{}", path, entry.line);
    const size_t dot = entry.key.find('.');
    const bool in_table = dot != std::string::npos;
    if (!in_table && std::holds_alternative<OtherLiteral>(entry.literal.value)) continue;  // an empty table
    if (!in_table) {
      return fail(ErrorCode::kRefused, where, fmt::format("{} stands in no table", entry.key),
                  fmt::format("put it below [{}], the plugin's name", plugin));
    }
    if (entry.key.substr(0, dot) != plugin) continue;  // of another plugin in this folder
    const std::string name = unquoted(std::string_view(entry.key).substr(dot + 1));
    const auto* reason = std::get_if<std::string>(&entry.literal.value);
    const bool empty = reason == nullptr || std::ranges::all_of(*reason, [](char c) { return c == ' ' || c == '\t'; });
    if (empty) return fail(ErrorCode::kRefused, where, name + " is skipped without a reason", "say why in a string");
    skips[name] = *reason;
  }
  return skips;
}

}  // namespace bp::conformance
