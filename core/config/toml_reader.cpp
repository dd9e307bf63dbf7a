#include "config/toml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace bp {
namespace {

// Every dot of a key makes a table inside a table, and toml++ destroys those by recursion.
constexpr size_t kMaxDotsInLine = 200;

std::optional<ConfigProblem> too_large(std::string_view text, const std::string& file) {
  if (text.size() > kMaxConfigBytes) {
    return ConfigProblem{.file = file,
                         .what = fmt::format("has {} bytes, at most {} are read", text.size(), kMaxConfigBytes),
                         .fix = "check that this is the configuration file"};
  }
  uint32_t line = 1;
  size_t dots = 0;
  for (const char c : text) {
    dots = c == '\n' ? 0 : dots + (c == '.' ? 1 : 0);
    line += c == '\n' ? 1 : 0;
    if (dots <= kMaxDotsInLine) continue;
    return ConfigProblem{.file = file,
                         .line = line,
                         .column = 1,
                         .what = fmt::format("line has more than {} dots", kMaxDotsInLine),
                         .fix = "spread long lists over several lines"};
  }
  return std::nullopt;
}

bool is_bare(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string joined(const std::string& prefix, std::string_view part) {
  const std::string name = is_bare(part) ? std::string(part) : write_json_string(part);
  return prefix.empty() ? name : prefix + "." + name;
}

OtherLiteral other(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::date:
      return {"a date"};
    case toml::node_type::time:
      return {"a time"};
    case toml::node_type::date_time:
      return {"a date and time"};
    case toml::node_type::table:
      return {"a table"};
    default:
      return {"no value"};
  }
}

// Recursion is bounded by TOML_MAX_NESTED_VALUES.
Literal literal_of(const toml::node& node) {
  if (const auto* value = node.as_boolean()) return {value->get()};
  if (const auto* value = node.as_integer()) return {value->get()};
  if (const auto* value = node.as_floating_point()) return {value->get()};
  if (const auto* value = node.as_string()) return {value->get()};
  if (const auto* array = node.as_array()) {
    std::vector<Literal> items;
    items.reserve(array->size());
    for (const toml::node& item : *array) items.push_back(literal_of(item));
    return {std::move(items)};
  }
  return {other(node)};
}

struct Pending {
  const toml::table* table;
  std::string prefix;
};

void add_entries(const Pending& from, std::vector<TomlEntry>& entries, std::vector<Pending>& pending) {
  for (const auto& [key, node] : *from.table) {
    const std::string name = joined(from.prefix, key.str());
    const toml::table* table = node.as_table();
    if (table != nullptr && !table->empty()) {
      pending.push_back({table, name});
      continue;
    }
    const toml::source_position place = key.source().begin;
    entries.push_back({name, literal_of(node), place.line, place.column});
  }
}

}  // namespace

std::expected<std::vector<TomlEntry>, ConfigProblem> read_toml(std::string_view text, const std::string& file) {
  if (auto problem = too_large(text, file)) return std::unexpected(std::move(*problem));
  const toml::parse_result parsed = toml::parse(text, std::string_view(file));
  if (!parsed) {
    const toml::source_position place = parsed.error().source().begin;
    return std::unexpected(ConfigProblem{.file = file,
                                         .line = place.line,
                                         .column = place.column,
                                         .what = std::string(parsed.error().description()),
                                         .fix = "correct the TOML syntax"});
  }
  std::vector<TomlEntry> entries;
  std::vector<Pending> pending = {{&parsed.table(), ""}};
  while (!pending.empty()) {
    const Pending next = std::move(pending.back());
    pending.pop_back();
    add_entries(next, entries, pending);
  }
  std::ranges::stable_sort(entries, {}, [](const TomlEntry& entry) { return std::pair(entry.line, entry.column); });
  return entries;
}

}  // namespace bp
