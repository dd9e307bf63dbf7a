#include "config/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <span>

namespace bp {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr std::array<Unit, 10> kSizes = {{{"TiB", int64_t{1} << 40},
                                          {"GiB", int64_t{1} << 30},
                                          {"MiB", int64_t{1} << 20},
                                          {"KiB", int64_t{1} << 10},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"kB", 1'000},
                                          {"B", 1},
                                          {"", 1}}};
constexpr std::array<Unit, 4> kDurations = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::optional<int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const Unit& candidate : units) {
    if (candidate.name != unit) continue;
    int64_t product = 0;
    if (__builtin_mul_overflow(number, candidate.factor, &product)) return std::nullopt;
    return product;
  }
  return std::nullopt;
}

std::string format_with_unit(int64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  }
  return fmt::format("{}", value);
}

}  // namespace

std::optional<int64_t> parse_size(std::string_view text) { return parse_with_unit(text, kSizes); }

std::optional<int64_t> parse_duration_ms(std::string_view text) {
  return text == "0" ? 0 : parse_with_unit(text, kDurations);
}

std::string format_size(int64_t size_bytes) { return format_with_unit(size_bytes, std::span(kSizes).first(4)); }

std::string format_duration_ms(int64_t duration_ms) { return format_with_unit(duration_ms, kDurations); }

}  // namespace bp
