#include "tokenizer/chars_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace bp {
namespace {

// A unit of darts-clone: bit 31 marks a value, bits 10 to 30 the offset (shifted by 8 where bit 9 is set), bit 8 says
// that a value follows, bits 0 to 7 hold the label.
bool has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t value_of(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t label_of(uint32_t unit) { return unit & 0x800000FF; }
uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

constexpr size_t kMaxReplacementBytes = 1024;  // what a text may grow by, for each of its characters

std::unexpected<Error> refused(std::string_view where, std::string what) {
  return fail(ErrorCode::kRefused, std::string(where), std::move(what), "the file is damaged: fetch it again");
}

}  // namespace

Result<CharsMap> CharsMap::create(std::string_view blob, std::string_view where) {
  uint32_t n_bytes = 0;
  if (blob.size() < sizeof n_bytes)
    return refused(where, fmt::format("a normalisation table of {} bytes", blob.size()));
  std::memcpy(&n_bytes, blob.data(), sizeof n_bytes);
  blob.remove_prefix(sizeof n_bytes);
  if (n_bytes > blob.size() || n_bytes % sizeof(uint32_t) != 0 || n_bytes == 0) {
    return refused(where, fmt::format("the normalisation table claims {} of {} bytes", n_bytes, blob.size()));
  }
  CharsMap map;
  map.units_.resize(n_bytes / sizeof(uint32_t));
  std::memcpy(map.units_.data(), blob.data(), n_bytes);
  map.replacements_ = blob.substr(n_bytes);
  for (size_t at = 0; at < map.replacements_.size();) {
    const size_t end = std::min(map.replacements_.find('\0', at), map.replacements_.size());
    if (end - at > kMaxReplacementBytes) {
      return refused(where, fmt::format("a replacement of {} bytes in the normalisation table (at most {})", end - at,
                                        kMaxReplacementBytes));
    }
    at = end + 1;
  }
  return map;
}

std::optional<CharsMap::Match> CharsMap::find(std::string_view text, bool first) const {
  // A damaged table may lead round in circles.
  constexpr size_t kMaxKeyBytes = 256;
  text = text.substr(0, kMaxKeyBytes);
  std::optional<Match> found;
  size_t at = offset_of(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    if (at >= units_.size()) break;
    const uint32_t unit = units_[at];
    if (label_of(unit) != byte) break;
    at ^= offset_of(unit);
    if (!has_value(unit) || at >= units_.size()) continue;
    const size_t begin = value_of(units_[at]);
    if (begin >= replacements_.size()) continue;
    found = {i + 1, std::string_view(replacements_.c_str() + begin)};
    if (first) break;
  }
  return found;
}

}  // namespace bp
