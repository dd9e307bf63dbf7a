#include "model/gguf_metadata.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace bp {
namespace {

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

template <std::integral T>
GgufNumber integer_at(const std::byte* p) {
  const T value = load<T>(p);
  const auto real = static_cast<double>(value);
  if (!std::in_range<int64_t>(value)) return {.is_float = true, .real = real};
  return {.integer = static_cast<int64_t>(value), .real = real};
}

constexpr std::array<std::string_view, 13> kNames = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                     "bool", "string", "array", "u64", "i64", "f64"};
constexpr std::array<size_t, 13> kBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

std::string describe(const GgufValue& value) {
  const std::string_view type = gguf_type_name(value.type);
  return value.is_array ? fmt::format("an array of {} {}", value.count, type) : std::string(type);
}

}  // namespace

std::string_view gguf_type_name(GgufType type) {
  const auto index = static_cast<size_t>(type);
  return index < kNames.size() ? kNames[index] : "unknown";
}

size_t gguf_type_bytes(GgufType type) {
  const auto index = static_cast<size_t>(type);
  return index < kBytes.size() ? kBytes[index] : 0;
}

Status GgufMetadata::add(std::string_view key, const GgufValue& value) {
  if (!by_key_.emplace(key, entries_.size()).second) {
    return fail(ErrorCode::kRefused, where_, fmt::format("metadata key {} appears twice", key), "write the file again");
  }
  entries_.emplace_back(key, value);
  return {};
}

const GgufValue* GgufMetadata::find_value(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &entries_[found->second].second;
}

GgufNumber GgufMetadata::number_at(const GgufValue& value, uint64_t index) {
  const std::byte* p = value.bytes.data() + index * gguf_type_bytes(value.type);
  switch (value.type) {
    case GgufType::kU8:
      return integer_at<uint8_t>(p);
    case GgufType::kI8:
      return integer_at<int8_t>(p);
    case GgufType::kU16:
      return integer_at<uint16_t>(p);
    case GgufType::kI16:
      return integer_at<int16_t>(p);
    case GgufType::kU32:
      return integer_at<uint32_t>(p);
    case GgufType::kI32:
      return integer_at<int32_t>(p);
    case GgufType::kU64:
      return integer_at<uint64_t>(p);
    case GgufType::kI64:
      return integer_at<int64_t>(p);
    case GgufType::kBool:
      return {.integer = load<uint8_t>(p) != 0, .real = load<uint8_t>(p) != 0 ? 1.0 : 0.0};
    case GgufType::kF32:
      return {.is_float = true, .real = load<float>(p)};
    case GgufType::kF64:
      return {.is_float = true, .real = load<double>(p)};
    case GgufType::kString:
    case GgufType::kArray:
      break;
  }
  return {};
}

std::optional<GgufNumber> GgufMetadata::find_number(std::string_view key) const {
  const GgufValue* value = find_value(key);
  if (value == nullptr || value->is_array) return std::nullopt;
  if (value->type == GgufType::kString || value->type == GgufType::kBool) return std::nullopt;
  return number_at(*value, 0);
}

Result<const GgufValue*> GgufMetadata::array_value(std::string_view key, bool of_strings) const {
  const GgufValue* value = find_value(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array || (value->type == GgufType::kString) != of_strings) {
    return wrong_type(key, of_strings ? "an array of strings" : "an array of numbers");
  }
  return value;
}

Result<std::vector<std::string_view>> GgufMetadata::strings(std::string_view key) const {
  BP_TRY(const GgufValue* value, array_value(key, true));
  std::vector<std::string_view> out;
  out.reserve(value->count);
  const std::byte* p = value->bytes.data();
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto size = load<uint64_t>(p);
    out.emplace_back(reinterpret_cast<const char*>(p + sizeof(size)), size);
    p += sizeof(size) + size;
  }
  return out;
}

std::unexpected<Error> GgufMetadata::missing(std::string_view key) const {
  return fail(ErrorCode::kRefused, where_, fmt::format("metadata key {} is missing", key),
              "convert the model again with a current converter");
}

std::unexpected<Error> GgufMetadata::wrong_type(std::string_view key, std::string_view wanted) const {
  const GgufValue* value = find_value(key);
  std::string what = fmt::format("metadata key {} is {}, not {}", key, describe(*value), wanted);
  if (const std::optional<GgufNumber> number = find_number(key)) {
    what = fmt::format("metadata key {} = {} is not {}", key, number->real, wanted);
  }
  return fail(ErrorCode::kRefused, where_, std::move(what), "convert the model again with a current converter");
}

}  // namespace bp
