#include "model/json_fields.h"

#include <fmt/format.h>

namespace bp {
namespace {

constexpr size_t kShownBytes = 60;

std::string shown(const json::value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = write_json(value);
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "…";
  return text;
}

}  // namespace

const json::value* JsonFields::find(std::string_view key) const {
  const json::value* value = object_.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::unexpected<Error> JsonFields::wrong(std::string_view key, std::string_view wanted) const {
  const json::value* value = find(key);
  return fail(ErrorCode::kRefused, where_,
              value == nullptr ? fmt::format("{}{} is missing", prefix_, key)
                               : fmt::format("{}{} = {} is not {}", prefix_, key, shown(*value), wanted),
              "correct the file, or download it again");
}

Result<std::optional<int64_t>> JsonFields::integer(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int64()) return wrong(key, "an integer in range");
  return value->get_int64();
}

Result<std::optional<double>> JsonFields::number(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return wrong(key, "a number");
  return value->to_number<double>();
}

Result<std::optional<bool>> JsonFields::boolean(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return wrong(key, "true or false");
  return value->get_bool();
}

Result<std::optional<std::string>> JsonFields::text(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return wrong(key, "a string");
  return std::string(value->get_string());
}

Result<std::optional<JsonFields>> JsonFields::object(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return wrong(key, "an object");
  return JsonFields(value->get_object(), where_, fmt::format("{}{}.", prefix_, key));
}

Result<int64_t> JsonFields::required_integer(std::string_view key) const {
  BP_TRY(const auto value, integer(key));
  if (!value) return wrong(key, "an integer");
  return *value;
}

}  // namespace bp
