// Writes small GGUF files in memory for tests, well-formed unless told otherwise.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "quant/quant.h"

namespace bp::test {

template <class T>
void append_number(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

inline void append_string(std::string& out, std::string_view text) {
  append_number<uint64_t>(out, text.size());
  out += text;
}

class GgufWriter {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;
  int64_t n_keys_claimed = -1;     // -1: the truth
  int64_t n_tensors_claimed = -1;  // -1: the truth

  // An entry whose value bytes are given: type is the format's number.
  void raw(std::string_view key, uint32_t type, std::string_view value) {
    append_string(entries_, key);
    append_number(entries_, type);
    entries_ += value;
    ++n_entries_;
  }
  template <class T>
  void number(std::string_view key, uint32_t type, T value) {
    std::string bytes;
    append_number(bytes, value);
    raw(key, type, bytes);
  }
  void u32(std::string_view key, uint32_t value) { number(key, 4, value); }
  void f32(std::string_view key, float value) { number(key, 6, value); }
  void text(std::string_view key, std::string_view value) {
    std::string bytes;
    append_string(bytes, value);
    raw(key, 8, bytes);
  }
  void strings(std::string_view key, const std::vector<std::string>& values) {
    std::string bytes;
    append_number<uint32_t>(bytes, 8);
    append_number<uint64_t>(bytes, values.size());
    for (const std::string& value : values) append_string(bytes, value);
    raw(key, 9, bytes);
  }
  template <class T>
  void array(std::string_view key, uint32_t type, const std::vector<T>& values) {
    std::string bytes;
    append_number(bytes, type);
    append_number<uint64_t>(bytes, values.size());
    for (const T value : values) append_number(bytes, value);
    raw(key, 9, bytes);
  }

  // A tensor whose head and bytes are given; dims innermost first, as in the file. Returns its offset.
  uint64_t raw_tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, std::string_view bytes) {
    return tensor_at(name, dims, type, data_.size(), bytes);
  }
  uint64_t tensor_at(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset,
                     std::string_view bytes) {
    append_string(tensors_, name);
    append_number(tensors_, static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) append_number(tensors_, dim);
    append_number(tensors_, type);
    append_number(tensors_, offset);
    data_ += bytes;
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    ++n_tensors_;
    return offset;
  }
  // Row-major dims, values encoded as `dtype` (f32, f16, bf16, q8_0, q4_0, q4_1).
  void tensor(std::string_view name, const std::vector<int64_t>& dims, const std::vector<float>& values,
              DType dtype = DType::kF32) {
    const std::vector<uint64_t> reversed(dims.rbegin(), dims.rend());
    std::string bytes(*row_bytes(dtype, values.size()), '\0');
    const auto size = static_cast<int64_t>(values.size());
    (void)encode_row(dtype, values.data(), reinterpret_cast<std::byte*>(bytes.data()), size);
    raw_tensor(name, reversed, ggml_number(dtype), bytes);
  }

  std::string bytes() const {
    std::string out = "GGUF";
    append_number(out, version);
    append_number<uint64_t>(out, n_tensors_claimed < 0 ? n_tensors_ : static_cast<uint64_t>(n_tensors_claimed));
    append_number<uint64_t>(out, n_keys_claimed < 0 ? n_entries_ : static_cast<uint64_t>(n_keys_claimed));
    out += entries_ + tensors_;
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data_;
  }
  void save(const std::string& path) const { std::ofstream(path, std::ios::binary) << bytes(); }

  static uint32_t ggml_number(DType dtype) {
    switch (dtype) {
      case DType::kF16:
        return 1;
      case DType::kQ4_0:
        return 2;
      case DType::kQ4_1:
        return 3;
      case DType::kQ8_0:
        return 8;
      case DType::kBF16:
        return 30;
      default:
        return 0;
    }
  }

 private:
  std::string entries_, tensors_, data_;
  uint64_t n_entries_ = 0, n_tensors_ = 0;
};

}  // namespace bp::test
