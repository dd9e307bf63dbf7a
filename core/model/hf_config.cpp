#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "model/arch/architecture.h"
#include "model/hf_fields.h"
#include "model/json_fields.h"
#include "model/model_config.h"

namespace bp {
namespace {

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr size_t kMaxDepth = 32;

Status check_class(const JsonFields& fields, const Architecture& architecture) {
  const json::value* classes = fields.find("architectures");
  if (classes == nullptr || !classes->is_array() || classes->get_array().empty()) return {};
  const json::value& first = classes->get_array()[0];
  const bool known =
      first.is_string() &&
      std::ranges::find(architecture.hf_classes, std::string_view(first.get_string())) != architecture.hf_classes.end();
  if (known) return {};
  return unsupported(
      fields, fmt::format("the architecture {} is not supported", write_json(first)),
      fmt::format("a {} model is supported as {}", architecture.name, fmt::join(architecture.hf_classes, " or ")));
}

}  // namespace

Result<ModelConfig> read_hf_config(std::string_view text, const std::string& where) {
  BP_TRY(const auto value, parse_json(text, where, {.max_bytes = kMaxConfigBytes, .max_depth = kMaxDepth}));
  if (!value.is_object()) return fail(ErrorCode::kRefused, where, "is no JSON object", "download it again");
  const JsonFields fields(value.get_object(), where);
  BP_TRY(const auto model_type, fields.text("model_type"));
  if (!model_type) return fields.wrong("model_type", "a string");
  BP_TRY(const Architecture* architecture, find_hf_architecture(*model_type, where));
  BP_TRY_VOID(check_class(fields, *architecture));

  ModelConfig config;
  BP_TRY(config.quant, read_hf_quantization(fields));
  config.architecture = architecture->name;
  BP_TRY_VOID(architecture->read_hf(fields, config));
  BP_TRY_VOID(check_config(config, where));
  return config;
}

}  // namespace bp
