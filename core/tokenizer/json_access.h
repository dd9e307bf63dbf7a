// Typed look-ups in a tokenizer.json, where every member may be missing or of another type.
// Thread-safety: pure functions.
#pragma once

#include <string_view>

#include "base/json.h"

namespace bp {

inline const json::value* json_member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

inline const json::object* json_object(const json::object& object, std::string_view key) {
  const json::value* value = json_member(object, key);
  return value != nullptr ? value->if_object() : nullptr;
}

inline const json::array* json_array(const json::object& object, std::string_view key) {
  const json::value* value = json_member(object, key);
  return value != nullptr ? value->if_array() : nullptr;
}

// Empty where missing.
inline std::string_view json_text(const json::object& object, std::string_view key) {
  const json::value* value = json_member(object, key);
  const json::string* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

inline bool json_flag(const json::object& object, std::string_view key, bool otherwise = false) {
  const json::value* value = json_member(object, key);
  const bool* flag = value != nullptr ? value->if_bool() : nullptr;
  return flag != nullptr ? *flag : otherwise;
}

}  // namespace bp
