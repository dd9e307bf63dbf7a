// Which two characters stand side by side inside some token: between others no merge can ever reach across, and a text
// may be cut there. May say yes where there is none (a hash without keys), never no where there is one.
// Thread-safety: immutable once built.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace bp {

class CharPairs {
 public:
  // All pairs of neighbours in `token`.
  void add(std::string_view token);
  bool may_join(char32_t left, char32_t right) const {
    const uint64_t bit = bit_of(left, right);
    return (bits_[bit / 64] >> (bit % 64) & 1) != 0;
  }

 private:
  static constexpr unsigned kLogBits = 22;
  static uint64_t bit_of(char32_t left, char32_t right) {
    return (uint64_t{left} << 32 | right) * 0x9E3779B97F4A7C15ull >> (64 - kLogBits);
  }

  std::vector<uint64_t> bits_ = std::vector<uint64_t>((size_t{1} << kLogBits) / 64);
};

}  // namespace bp
