// Reads the arguments of pickle opcodes from a file's bytes. Internal to the module. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bp {

class PickleCursor {
 public:
  // `where` names the file in errors (kRefused where the bytes end) and outlives the cursor.
  PickleCursor(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  size_t at() const { return at_; }
  size_t size() const { return bytes_.size(); }

  template <class T>
  Result<T> number() {
    BP_TRY(const auto taken, take(sizeof(T)));
    T value;
    std::memcpy(&value, taken.data(), sizeof(T));
    return value;
  }
  // A length, and as many bytes.
  template <class Length>
  Result<std::string_view> counted() {
    BP_TRY(const auto size, number<Length>());
    BP_TRY(const auto taken, take(size));
    return std::string_view(reinterpret_cast<const char*>(taken.data()), taken.size());
  }
  // Up to a newline, which is passed over.
  Result<std::string_view> line() {
    const auto rest = bytes_.subspan(at_);
    const auto end = std::ranges::find(rest, std::byte{'\n'});
    if (end == rest.end()) return cut_short();
    const auto size = static_cast<size_t>(end - rest.begin());
    at_ += size + 1;
    return std::string_view(reinterpret_cast<const char*>(rest.data()), size);
  }

 private:
  std::unexpected<Error> cut_short() const {
    return fail(ErrorCode::kRefused, where_, "ends within its pickle", "the file is damaged, download it again");
  }
  Result<std::span<const std::byte>> take(uint64_t n) {
    if (n > bytes_.size() - at_) return cut_short();
    const auto taken = bytes_.subspan(at_, n);
    at_ += n;
    return taken;
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t at_ = 0;
};

}  // namespace bp
