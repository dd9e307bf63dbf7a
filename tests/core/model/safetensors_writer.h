// Writes safetensors bytes for tests.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace bp::test {

// header length | header | data
inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  const uint64_t size = header.size();
  std::string out(sizeof(size), '\0');
  std::memcpy(out.data(), &size, sizeof(size));
  return out + std::string(header) + std::string(data);
}

// Tensors, one after another.
class SafetensorsWriter {
 public:
  void tensor(std::string_view name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
    raw(name, "F32", dims, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  // `dtype` as the format spells it.
  void raw(std::string_view name, std::string_view dtype, const std::vector<int64_t>& dims, std::string_view bytes) {
    const size_t begin = data_.size();
    data_ += bytes;
    json::array shape(dims.begin(), dims.end());
    header_[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {begin, data_.size()}}};
  }
  std::string bytes() const {
    std::string header = write_json(header_);
    header.resize((header.size() + 7) / 8 * 8, ' ');
    return safetensors_bytes(header, data_);
  }

 private:
  json::object header_;
  std::string data_;
};

}  // namespace bp::test
