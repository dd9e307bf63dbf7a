// Sizes ("512MiB") and durations ("5s") as text. Thread-safety: free functions on values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bp {

// Bytes: a whole number with B, kB, MB, GB, TB (1000) or KiB, MiB, GiB, TiB (1024), or none. nullopt where it is none
// of these or overflows.
std::optional<int64_t> parse_size(std::string_view text);
// Milliseconds: a whole number with ms, s, m or h; "0" needs no unit.
std::optional<int64_t> parse_duration_ms(std::string_view text);

// In the largest unit that keeps it a whole number.
std::string format_size(int64_t size_bytes);
std::string format_duration_ms(int64_t duration_ms);

}  // namespace bp
