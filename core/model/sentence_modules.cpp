#include "model/sentence_modules.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "model/json_fields.h"

namespace bp {
namespace {

constexpr size_t kMaxJsonBytes = size_t{1} << 20;
constexpr std::pair<std::string_view, std::string_view> kOldPoolings[] = {
    {"pooling_mode_cls_token", "cls"},
    {"pooling_mode_max_tokens", "max"},
    {"pooling_mode_mean_tokens", "mean"},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
    {"pooling_mode_weightedmean_tokens", "weightedmean"},
    {"pooling_mode_lasttoken", "lasttoken"},
};

// Null: there is no such file.
Result<std::optional<json::value>> read_optional(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  BP_TRY(const auto text, read_text_file(path, kMaxJsonBytes));
  BP_TRY(auto value, parse_json(text, path));
  return value;
}

Result<std::string> pooling_name(const JsonFields& fields) {
  if (const json::value* mode = fields.find("pooling_mode"); mode != nullptr) {
    const bool is_list = mode->is_array() && mode->get_array().size() == 1;
    const json::value& name = is_list ? mode->get_array()[0] : *mode;
    if (name.is_string()) return std::string(name.get_string());
    return fail(ErrorCode::kUnsupported, fields.where(),
                fmt::format("pooling_mode {} is not supported", write_json(*mode)),
                "supported are mean, cls and lasttoken");
  }
  std::string name;
  for (const auto& [key, mode] : kOldPoolings) {
    BP_TRY(const auto active, fields.boolean(key));
    if (!active.value_or(false)) continue;
    name += name.empty() ? "" : " + ";
    name += mode;
  }
  return name.empty() ? "mean" : name;
}

Status read_pooling(const std::string& path, ModelConfig& config) {
  BP_TRY(const auto text, read_text_file(path, kMaxJsonBytes));
  BP_TRY(const auto value, parse_json(text, path));
  if (!value.is_object()) return fail(ErrorCode::kRefused, path, "is no JSON object", "download it again");
  BP_TRY(const std::string name, pooling_name(JsonFields(value.get_object(), path)));
  if (name == "mean") {
    config.pooling = Pooling::kMean;
  } else if (name == "cls") {
    config.pooling = Pooling::kCls;
  } else if (name == "lasttoken") {
    config.pooling = Pooling::kLast;
  } else {
    return fail(ErrorCode::kUnsupported, path, fmt::format("pooling {} is not supported", name),
                "supported are mean, cls and lasttoken");
  }
  return {};
}

bool is_plain_name(std::string_view path) {
  return !path.empty() && path != "." && path != ".." && path.find_first_of(std::string_view("/\\\0", 3)) == path.npos;
}

Status read_module(const json::value& module, const std::string& folder, const std::string& where,
                   ModelConfig& config) {
  if (!module.is_object()) return fail(ErrorCode::kRefused, where, "holds what is no module", "download it again");
  const JsonFields fields(module.get_object(), where);
  BP_TRY(const auto type, fields.text("type"));
  BP_TRY(const auto path, fields.text("path"));
  if (!type) return fields.wrong("type", "a module's class");
  const std::string_view name = std::string_view(*type).substr(type->rfind('.') + 1);
  if (name == "Transformer") {
    if (path.value_or("").empty()) return {};
    return fail(ErrorCode::kUnsupported, where, fmt::format("the transformer lies in {}", *path),
                "models in subfolders are not supported");
  }
  if (name == "Normalize") {
    config.normalize_embedding = true;
    return {};
  }
  if (name == "Pooling") {
    if (!is_plain_name(path.value_or(""))) return fields.wrong("path", "a folder beside it");
    return read_pooling(fmt::format("{}/{}/config.json", folder, *path), config);
  }
  return fail(ErrorCode::kUnsupported, where, fmt::format("module {} is not supported", *type),
              "supported are Transformer, Pooling and Normalize");
}

Status read_modules(const std::string& folder, ModelConfig& config) {
  const std::string where = folder + "/modules.json";
  BP_TRY(const auto modules, read_optional(where));
  if (!modules) return {};
  if (!modules->is_array()) return fail(ErrorCode::kRefused, where, "is no JSON array", "download it again");
  for (const json::value& module : modules->get_array()) BP_TRY_VOID(read_module(module, folder, where, config));
  return {};
}

// The file's number, where it is a length within the model's positions. Tokenizers write 1e30 for "no limit".
Status read_limit(const std::string& path, std::string_view key, ModelConfig& config) {
  BP_TRY(const auto value, read_optional(path));
  if (!value || !value->is_object()) return {};
  BP_TRY(const auto limit, JsonFields(value->get_object(), path).number(key));
  if (!limit) return {};
  if (!(*limit >= 1))
    return fail(ErrorCode::kRefused, path, fmt::format("{} {} is no length", key, *limit), "correct it");
  if (*limit < static_cast<double>(config.context)) config.max_input = static_cast<int64_t>(*limit);
  return {};
}

}  // namespace

Status read_sentence_modules(const std::string& folder, ModelConfig& config) {
  BP_TRY_VOID(read_modules(folder, config));
  BP_TRY_VOID(read_limit(folder + "/tokenizer_config.json", "model_max_length", config));
  return read_limit(folder + "/sentence_bert_config.json", "max_seq_length", config);
}

}  // namespace bp
