// The key-value pairs of a GGUF file to be written, in the bytes of the format (gguf_reader.h draws it).
// Not thread-safe.
#pragma once

#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "model/gguf_metadata.h"

namespace bp {

class GgufEntries {
 public:
  // A key that is set already keeps its first value.
  void set_text(std::string_view key, std::string_view value);
  void set_u32(std::string_view key, uint32_t value);
  void set_u64(std::string_view key, uint64_t value);
  void set_f32(std::string_view key, float value);
  void set_bool(std::string_view key, bool value);
  void set_texts(std::string_view key, std::span<const std::string> values);
  void set_f32s(std::string_view key, std::span<const float> values);
  void set_i32s(std::string_view key, std::span<const int32_t> values);
  void set_u8s(std::string_view key, std::string_view bytes);
  void set_bools(std::string_view key, const std::vector<bool>& values);
  // As another file has it.
  void copy(std::string_view key, const GgufValue& value);

  bool has(std::string_view key) const { return keys_.contains(key); }
  size_t size() const { return keys_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  bool begin(std::string_view key);
  void put_text(std::string_view text);
  template <class T>
  void put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.append(raw, sizeof(T));
  }
  template <class T>
  void put_scalar(std::string_view key, GgufType type, T value) {
    if (!begin(key)) return;
    put(static_cast<uint32_t>(type));
    put(value);
  }
  void put_array_head(GgufType type, uint64_t count);

  std::set<std::string, std::less<>> keys_;
  std::string bytes_;
};

}  // namespace bp
