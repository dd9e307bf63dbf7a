// A growing struct that a plugin fills in, with room behind it that it must leave alone: one built with newer headers
// that forgets to look at struct_size is found out. Thread-safety: a value.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace bp {

template <class T>
struct OutStruct {
  T value{};
  std::array<uint64_t, 32> beyond{};

  OutStruct() { value.struct_size = sizeof(T); }
  bool is_overrun() const {
    return std::ranges::any_of(beyond, [](uint64_t word) { return word != 0; });
  }
};

}  // namespace bp
