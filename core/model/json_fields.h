// Typed reading of a JSON object's members, where null counts as missing. Errors name the file, the member and its
// value. Thread-safe: reads only. Valid as long as the object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace bp {

class JsonFields {
 public:
  // `prefix` is put before member names in errors: "rope_parameters.".
  JsonFields(const json::object& object, std::string where, std::string prefix = {})
      : object_(object), where_(std::move(where)), prefix_(std::move(prefix)) {}

  const json::value* find(std::string_view key) const;  // null: missing or JSON's null
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // Missing gives nullopt; another type than asked for is an error (kRefused).
  Result<std::optional<int64_t>> integer(std::string_view key) const;
  Result<std::optional<double>> number(std::string_view key) const;  // an integer will do
  Result<std::optional<bool>> boolean(std::string_view key) const;
  Result<std::optional<std::string>> text(std::string_view key) const;
  Result<std::optional<JsonFields>> object(std::string_view key) const;

  // Missing is an error.
  Result<int64_t> required_integer(std::string_view key) const;

  const std::string& where() const { return where_; }
  const json::object& members() const { return object_; }
  std::unexpected<Error> wrong(std::string_view key, std::string_view wanted) const;

 private:
  const json::object& object_;
  std::string where_;
  std::string prefix_;
};

}  // namespace bp
