// The typed key-value pairs at the head of a GGUF file. Strings and arrays stay in the mapped file.
// Thread-safe once read. Valid as long as the bytes it was read from.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

namespace bp {

// The numbers are the format's.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
std::string_view gguf_type_name(GgufType type);
// Bytes of one number; 0 for strings and arrays.
size_t gguf_type_bytes(GgufType type);

// A value as the file has it, already checked against the file's extent.
struct GgufValue {
  GgufType type = GgufType::kU8;  // of an array: its elements'
  bool is_array = false;
  uint64_t count = 1;  // elements of an array
  std::span<const std::byte>
      bytes;  // of a scalar string: the characters; of strings in an array: length, characters, …
};

// A number of any width, widened. Unsigned values above int64's largest are kept as double only.
struct GgufNumber {
  bool is_float = false;
  int64_t integer = 0;
  double real = 0;
};

class GgufMetadata {
 public:
  // `where` names the file in errors.
  explicit GgufMetadata(std::string where = {}) : where_(std::move(where)) {}

  // Errors: kRefused where the key exists.
  Status add(std::string_view key, const GgufValue& value);

  bool has(std::string_view key) const { return find_value(key) != nullptr; }
  // In the order of the file.
  const std::vector<std::pair<std::string_view, GgufValue>>& entries() const { return entries_; }
  const GgufValue* find_value(std::string_view key) const;

  // T: bool, std::string_view, an integer (from an integer of any width whose value fits) or float and double (from any
  // number). find: nullopt where the key is missing or its value is no T. get: an error in both cases. get_or: an error
  // only where the value is there and is no T.
  template <class T>
  std::optional<T> find(std::string_view key) const;
  template <class T>
  Result<T> get(std::string_view key) const;
  template <class T>
  Result<T> get_or(std::string_view key, T fallback) const;

  // All elements of an array of strings as views into the file. Errors: missing, or no such array.
  Result<std::vector<std::string_view>> strings(std::string_view key) const;
  // All elements of an array of numbers or bools. T: an integer or floating type. Errors: missing, no such array, a
  // value that does not fit.
  template <class T>
  Result<std::vector<T>> numbers(std::string_view key) const;

  const std::string& where() const { return where_; }

 private:
  template <class T>
  static std::optional<T> convert(const GgufNumber& number);
  std::optional<GgufNumber> find_number(std::string_view key) const;
  Result<const GgufValue*> array_value(std::string_view key, bool of_strings) const;
  std::unexpected<Error> missing(std::string_view key) const;
  std::unexpected<Error> wrong_type(std::string_view key, std::string_view wanted) const;
  static GgufNumber number_at(const GgufValue& value, uint64_t index);

  std::string where_;
  std::vector<std::pair<std::string_view, GgufValue>> entries_;
  std::unordered_map<std::string_view, size_t> by_key_;
};

template <class T>
std::optional<T> GgufMetadata::convert(const GgufNumber& number) {
  if constexpr (std::floating_point<T>) {
    return static_cast<T>(number.real);
  } else {
    if (number.is_float || !std::in_range<T>(number.integer)) return std::nullopt;
    return static_cast<T>(number.integer);
  }
}

template <class T>
std::optional<T> GgufMetadata::find(std::string_view key) const {
  if constexpr (std::same_as<T, std::string_view>) {
    const GgufValue* value = find_value(key);
    if (value == nullptr || value->is_array || value->type != GgufType::kString) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size());
  } else if constexpr (std::same_as<T, bool>) {
    const GgufValue* value = find_value(key);
    if (value == nullptr || value->is_array || value->type != GgufType::kBool) return std::nullopt;
    return value->bytes[0] != std::byte{0};
  } else {
    const std::optional<GgufNumber> number = find_number(key);
    return number ? convert<T>(*number) : std::nullopt;
  }
}

template <class T>
Result<T> GgufMetadata::get(std::string_view key) const {
  if (!has(key)) return missing(key);
  if (std::optional<T> value = find<T>(key)) return *value;
  if constexpr (std::same_as<T, std::string_view>) return wrong_type(key, "a string");
  if constexpr (std::same_as<T, bool>) return wrong_type(key, "a bool");
  return wrong_type(key, std::floating_point<T> ? "a number" : "an integer in range");
}

template <class T>
Result<T> GgufMetadata::get_or(std::string_view key, T fallback) const {
  if (!has(key)) return fallback;
  return get<T>(key);
}

template <class T>
Result<std::vector<T>> GgufMetadata::numbers(std::string_view key) const {
  BP_TRY(const GgufValue* value, array_value(key, false));
  std::vector<T> out;
  out.reserve(value->count);  // the elements are in the file: count is no mere claim
  for (uint64_t i = 0; i < value->count; ++i) {
    const std::optional<T> element = convert<T>(number_at(*value, i));
    if (!element) return wrong_type(key, "an array of integers in range");
    out.push_back(*element);
  }
  return out;
}

}  // namespace bp
