#include "base/log.h"

#include <array>
#include <atomic>
#include <cstdio>

namespace bp::log {
namespace {

std::atomic<Level> current{Level::kWarn};
constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info", "warn", "error", "off"};

}  // namespace

void set_level(Level level) { current.store(level, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= current.load(std::memory_order_relaxed); }

std::optional<Level> parse_level(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Level>(i);
  }
  return std::nullopt;
}

void write(Level level, std::string_view text) {
  const std::string line = fmt::format("{} {}\n", kNames[static_cast<size_t>(level)], text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace bp::log
