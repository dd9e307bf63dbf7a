// A hash of short byte strings, for the tables of the tokenizer.
// Thread-safety: pure function.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace bp {

inline uint32_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15ull;
  uint64_t h = bytes.size() * kMultiplier;
  const char* p = bytes.data();
  size_t n = bytes.size();
  while (n >= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    h = (h ^ word) * kMultiplier;
    h ^= h >> 32;
    p += 8;
    n -= 8;
  }
  uint64_t tail = 0;
  if (n > 0) std::memcpy(&tail, p, n);
  h = (h ^ tail) * kMultiplier;
  h ^= h >> 29;
  h *= kMultiplier;
  return static_cast<uint32_t>(h >> 32);
}

}  // namespace bp
