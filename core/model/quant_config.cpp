#include "model/quant_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "model/hf_fields.h"

namespace bp {
namespace {

constexpr std::string_view kSupported =
    "supported are fp8 (e4m3), compressed-tensors and modelopt of fp8, fbgemm_fp8, awq (4 bits, gemm), gptq (4 or 8 "
    "bits) and mxfp4; or take the original weights or a GGUF file";

std::unexpected<Error> refuse(const JsonFields& fields, std::string what) {
  return unsupported(fields, fmt::format("quantization_config: {}", what), std::string(kSupported));
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// The first of the members that is there, or `fallback`.
Result<int64_t> integer_of(const JsonFields& fields, std::initializer_list<std::string_view> keys, int64_t fallback) {
  for (const std::string_view key : keys) {
    BP_TRY(const auto value, fields.integer(key));
    if (value) return *value;
  }
  return fallback;
}

// Refuses a text that is there and is none of `known`.
Status expect(const JsonFields& fields, std::string_view key, std::initializer_list<std::string_view> known) {
  BP_TRY(const auto value, fields.text(key));
  if (!value || std::ranges::find(known, lower(*value)) != known.end()) return {};
  return refuse(fields, fmt::format("{} \"{}\" is not supported", key, *value));
}

Status read_block(const JsonFields& fields, std::string_view key, QuantConfig& config) {
  BP_TRY(const auto block, read_hf_integers(fields, key));
  if (block.empty()) return {};
  const bool sound = block.size() == 2 && std::ranges::all_of(block, [](int64_t n) { return n >= 1 && n <= 1 << 20; });
  if (!sound) return fields.wrong(key, "two positive sizes");
  config.block = {block[0], block[1]};
  return {};
}

Status read_fp8(const JsonFields& fields, QuantConfig& config) {
  config.method = QuantMethod::kFp8;
  BP_TRY_VOID(expect(fields, "fmt", {"e4m3", "float8_e4m3fn"}));
  return read_block(fields, "weight_block_size", config);
}

// What a group of modules has: {"num_bits": 8, "type": "float", "strategy": "channel", …}.
Status read_compressed_weights(const JsonFields& weights, QuantConfig& config) {
  BP_TRY(const auto bits, weights.integer("num_bits"));
  BP_TRY(const auto type, weights.text("type"));
  if (bits.value_or(8) != 8 || type.value_or("float") != "float") {
    return refuse(weights, fmt::format("compressed-tensors of {} {} bits is not supported", type.value_or("float"),
                                       bits.value_or(8)));
  }
  BP_TRY_VOID(expect(weights, "strategy", {"tensor", "channel", "block"}));
  return read_block(weights, "block_structure", config);
}

Status read_compressed(const JsonFields& fields, QuantConfig& config) {
  config.method = QuantMethod::kFp8;
  BP_TRY_VOID(expect(fields, "format", {"float-quantized", "naive-quantized"}));
  BP_TRY(const auto groups, fields.object("config_groups"));
  if (!groups) return {};
  for (const auto& [name, member] : groups->members()) {
    BP_TRY(const auto group, groups->object(name));
    if (!group) continue;
    BP_TRY_VOID(expect(*group, "format", {"float-quantized", "naive-quantized"}));
    BP_TRY(const auto weights, group->object("weights"));
    if (weights) BP_TRY_VOID(read_compressed_weights(*weights, config));
  }
  return {};
}

Status read_awq(const JsonFields& fields, QuantConfig& config) {
  config.method = QuantMethod::kAwq;
  BP_TRY(const auto bits, integer_of(fields, {"bits", "w_bit"}, 4));
  if (bits != 4) return refuse(fields, fmt::format("awq of {} bits is not supported", bits));
  config.bits = 4;
  BP_TRY(config.group_size, integer_of(fields, {"group_size", "q_group_size"}, 128));
  BP_TRY(const auto zeros, fields.boolean("zero_point"));
  if (!zeros.value_or(true)) return refuse(fields, "awq without zero points is not supported");
  return expect(fields, "version", {"gemm"});
}

Status read_gptq(const JsonFields& fields, QuantConfig& config) {
  config.method = QuantMethod::kGptq;
  BP_TRY(const auto bits, integer_of(fields, {"bits"}, 4));
  if (bits != 4 && bits != 8) return refuse(fields, fmt::format("gptq of {} bits is not supported", bits));
  config.bits = static_cast<int>(bits);
  BP_TRY(config.group_size, integer_of(fields, {"group_size"}, 128));
  BP_TRY_VOID(expect(fields, "checkpoint_format", {"gptq", "gptq_v2"}));
  BP_TRY(const auto format, fields.text("checkpoint_format"));
  config.zeros_less_one = format.value_or("gptq") != "gptq_v2";
  BP_TRY(const auto marlin, fields.boolean("is_marlin_format"));
  if (marlin.value_or(false)) return refuse(fields, "gptq in the layout of marlin is not supported");
  return {};
}

}  // namespace

Result<QuantConfig> read_hf_quantization(const JsonFields& top) {
  QuantConfig config;
  BP_TRY(const auto fields, top.object("quantization_config"));
  if (!fields) return config;
  BP_TRY(const auto given, fields->text("quant_method"));
  if (!given) return fields->wrong("quant_method", "a string");
  const std::string method = lower(*given);
  if (method == "fp8" || method == "fbgemm_fp8") {
    BP_TRY_VOID(read_fp8(*fields, config));
  } else if (method == "modelopt") {
    BP_TRY_VOID(expect(*fields, "quant_algo", {"fp8"}));
    config.method = QuantMethod::kFp8;
  } else if (method == "compressed-tensors") {
    BP_TRY_VOID(read_compressed(*fields, config));
  } else if (method == "awq") {
    BP_TRY_VOID(read_awq(*fields, config));
  } else if (method == "gptq") {
    BP_TRY_VOID(read_gptq(*fields, config));
  } else if (method == "mxfp4") {
    config.method = QuantMethod::kMxfp4;
  } else {
    return refuse(*fields, fmt::format("quant_method \"{}\" is not supported", *given));
  }
  return config;
}

}  // namespace bp
