#include "template/strftime.h"

#include <charconv>

namespace bp::jinja {
namespace {

bool read_field(std::string_view text, size_t at, size_t n, int low, int high, int& out) {
  if (text.size() < at + n) return false;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + n, out);
  return error == std::errc() && end == text.data() + at + n && out >= low && out <= high;
}

// The day of the week and of the year.
void complete(std::tm& time) {
  std::tm copy = time;
  copy.tm_isdst = -1;
  if (timegm(&copy) != -1 || copy.tm_year == 69) {
    time.tm_wday = copy.tm_wday;
    time.tm_yday = copy.tm_yday;
  }
}

}  // namespace

std::optional<std::tm> parse_iso_time(std::string_view text) {
  std::tm time{};
  const bool has_date = read_field(text, 0, 4, 1, 9999, time.tm_year) && text[4] == '-' &&
                        read_field(text, 5, 2, 1, 12, time.tm_mon) && text.size() > 7 && text[7] == '-' &&
                        read_field(text, 8, 2, 1, 31, time.tm_mday);
  if (!has_date) return std::nullopt;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  if (text.size() > 10) {
    const bool has_time = (text[10] == 'T' || text[10] == ' ') && read_field(text, 11, 2, 0, 23, time.tm_hour) &&
                          text.size() > 13 && text[13] == ':' && read_field(text, 14, 2, 0, 59, time.tm_min);
    if (!has_time) return std::nullopt;
    if (text.size() > 16 && text[16] == ':' && !read_field(text, 17, 2, 0, 60, time.tm_sec)) return std::nullopt;
  }
  complete(time);
  return time;
}

std::tm local_time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm time{};
  localtime_r(&now, &time);
  return time;
}

std::string format_time(const std::tm& time, std::string_view format) {
  constexpr size_t kMaxFormat = 1000;
  if (format.empty() || format.size() > kMaxFormat) return {};
  // The blank keeps the result from being empty, which strftime cannot tell from a buffer too small. A directive writes
  // far less than 64 bytes a byte of format unless it names a width, which Python does not have either.
  const std::string pattern = std::string(format) + " ";
  std::string out(64 + pattern.size() * 16, '\0');
  const size_t n = std::strftime(out.data(), out.size(), pattern.c_str(), &time);
  out.resize(n > 0 ? n - 1 : 0);
  return out;
}

}  // namespace bp::jinja
