// Plain lines on standard error: "level where: text". Thread-safe; one write per line.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

namespace bp::log {

enum class Level { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// The level below which nothing is written. Set once by the program's start; the default is kWarn.
void set_level(Level level);
bool enabled(Level level);
std::optional<Level> parse_level(std::string_view name);
void write(Level level, std::string_view text);

template <class... Args>
void trace(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kTrace)) write(Level::kTrace, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kWarn)) write(Level::kWarn, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kError)) write(Level::kError, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace bp::log
