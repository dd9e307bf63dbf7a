#include "model/gguf_entries.h"

namespace bp {

bool GgufEntries::begin(std::string_view key) {
  if (!keys_.emplace(key).second) return false;
  put_text(key);
  return true;
}

void GgufEntries::put_text(std::string_view text) {
  put(static_cast<uint64_t>(text.size()));
  bytes_ += text;
}

void GgufEntries::put_array_head(GgufType type, uint64_t count) {
  put(static_cast<uint32_t>(GgufType::kArray));
  put(static_cast<uint32_t>(type));
  put(count);
}

void GgufEntries::set_text(std::string_view key, std::string_view value) {
  if (!begin(key)) return;
  put(static_cast<uint32_t>(GgufType::kString));
  put_text(value);
}

void GgufEntries::set_u32(std::string_view key, uint32_t value) { put_scalar(key, GgufType::kU32, value); }
void GgufEntries::set_u64(std::string_view key, uint64_t value) { put_scalar(key, GgufType::kU64, value); }
void GgufEntries::set_f32(std::string_view key, float value) { put_scalar(key, GgufType::kF32, value); }
void GgufEntries::set_bool(std::string_view key, bool value) {
  put_scalar(key, GgufType::kBool, static_cast<uint8_t>(value ? 1 : 0));
}

void GgufEntries::set_texts(std::string_view key, std::span<const std::string> values) {
  if (!begin(key)) return;
  put_array_head(GgufType::kString, values.size());
  for (const std::string& value : values) put_text(value);
}

void GgufEntries::set_f32s(std::string_view key, std::span<const float> values) {
  if (!begin(key)) return;
  put_array_head(GgufType::kF32, values.size());
  for (const float value : values) put(value);
}

void GgufEntries::set_i32s(std::string_view key, std::span<const int32_t> values) {
  if (!begin(key)) return;
  put_array_head(GgufType::kI32, values.size());
  for (const int32_t value : values) put(value);
}

void GgufEntries::set_u8s(std::string_view key, std::string_view bytes) {
  if (!begin(key)) return;
  put_array_head(GgufType::kU8, bytes.size());
  bytes_ += bytes;
}

void GgufEntries::set_bools(std::string_view key, const std::vector<bool>& values) {
  if (!begin(key)) return;
  put_array_head(GgufType::kBool, values.size());
  for (const bool value : values) put(static_cast<uint8_t>(value ? 1 : 0));
}

void GgufEntries::copy(std::string_view key, const GgufValue& value) {
  if (!begin(key)) return;
  if (value.is_array) {
    put_array_head(value.type, value.count);
  } else {
    put(static_cast<uint32_t>(value.type));
    if (value.type == GgufType::kString) put(static_cast<uint64_t>(value.bytes.size()));
  }
  bytes_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}

}  // namespace bp
