// strftime_now of transformers: the time a template may print.
// Thread-safety: pure functions.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace bp::jinja {

// "2026-11-23", "2026-11-23T12:00:00", with or without fractions and a zone (which is left out of account).
std::optional<std::tm> parse_iso_time(std::string_view text);
std::tm local_time_now();
// In the C locale, as Python's datetime.strftime.
std::string format_time(const std::tm& time, std::string_view format);

}  // namespace bp::jinja
