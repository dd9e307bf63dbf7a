#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/json.h"
#include "model/arch/family.h"
#include "model/json_fields.h"
#include "model/model_config.h"

namespace bp {
namespace {

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr size_t kMaxDepth = 32;
constexpr int64_t kMaxLayers = 4096;  // no list is sized by a number above it; check_config() refuses it by name

std::unexpected<Error> unsupported(const JsonFields& fields, std::string what, std::string fix) {
  return fail(ErrorCode::kUnsupported, fields.where(), std::move(what), std::move(fix));
}

Status read_sizes(const JsonFields& fields, const Family& family, ModelConfig& config) {
  BP_TRY(config.n_layers, fields.required_integer("num_hidden_layers"));
  BP_TRY(config.hidden, fields.required_integer("hidden_size"));
  BP_TRY(config.n_heads, fields.required_integer("num_attention_heads"));
  BP_TRY(config.ffn, fields.required_integer("intermediate_size"));
  BP_TRY(config.vocab, fields.required_integer("vocab_size"));
  BP_TRY(const auto context, fields.integer("max_position_embeddings"));
  config.context = context.value_or(family.default_context);
  BP_TRY(const auto n_kv_heads, fields.integer("num_key_value_heads"));
  const bool is_null = fields.members().contains("num_key_value_heads") && !n_kv_heads;
  const bool as_heads = is_null || family.default_kv_heads == 0;
  config.n_kv_heads = n_kv_heads.value_or(as_heads ? config.n_heads : family.default_kv_heads);

  BP_TRY(const auto head_dim, fields.integer("head_dim"));
  if (head_dim) {
    config.head_dim = *head_dim;
  } else if (family.default_head_dim > 0) {
    config.head_dim = family.default_head_dim;
  } else if (config.n_heads < 1 || config.hidden % config.n_heads != 0) {
    return fail(ErrorCode::kRefused, fields.where(),
                fmt::format("hidden_size {} is not a multiple of num_attention_heads {}, and there is no head_dim",
                            config.hidden, config.n_heads),
                "correct the file, or download it again");
  } else {
    config.head_dim = config.hidden / config.n_heads;
  }
  config.v_head_dim = config.head_dim;
  return {};
}

Status read_switches(const JsonFields& fields, const Family& family, ModelConfig& config) {
  BP_TRY(const auto eps, fields.number("rms_norm_eps"));
  config.norm_eps = eps.value_or(1e-6);
  BP_TRY(const auto tied, fields.boolean("tie_word_embeddings"));
  config.tied_head = tied.value_or(false);
  BP_TRY(const auto attention_bias, fields.boolean("attention_bias"));
  BP_TRY(const auto mlp_bias, fields.boolean("mlp_bias"));
  const bool reads_attention_bias = family.name == "llama" || family.name == "qwen3";
  config.o_bias = reads_attention_bias && attention_bias.value_or(false);
  config.qkv_bias = family.qkv_bias || config.o_bias;
  config.mlp_bias = family.name == "llama" && mlp_bias.value_or(false);
  config.qk_norm = family.qk_norm;
  config.attention_scale = 1.0 / std::sqrt(static_cast<double>(config.head_dim));

  BP_TRY(const auto activation, fields.text("hidden_act"));
  const std::string name = activation.value_or("silu");
  if (name == "silu" || name == "swish") {
    config.activation = Activation::kSilu;
  } else if (name == "gelu") {
    config.activation = Activation::kGelu;
  } else if (name == "gelu_pytorch_tanh" || name == "gelu_new") {
    config.activation = Activation::kGeluTanh;
  } else if (name == "relu") {
    config.activation = Activation::kRelu;
  } else {
    return unsupported(fields, fmt::format("hidden_act \"{}\" is not supported", name),
                       "supported are silu, gelu, gelu_pytorch_tanh and relu");
  }
  return {};
}

// Per layer, whether it has the window.
Result<std::vector<bool>> windowed_layers(const JsonFields& fields, int64_t n_layers) {
  std::vector<bool> windowed;
  if (const json::value* types = fields.find("layer_types")) {
    if (!types->is_array()) return fields.wrong("layer_types", "an array");
    for (const json::value& type : types->get_array()) {
      const bool known = type.is_string() && (type == "sliding_attention" || type == "full_attention");
      if (!known) {
        return unsupported(fields, fmt::format("layer_types has {}", write_json(type)),
                           "supported are full_attention and sliding_attention");
      }
      windowed.push_back(type == "sliding_attention");
    }
    return windowed;
  }
  BP_TRY(const auto max_window_layers, fields.integer("max_window_layers"));
  const int64_t first = max_window_layers.value_or(28);
  if (n_layers > kMaxLayers) return windowed;
  for (int64_t i = 0; i < n_layers; ++i) windowed.push_back(i >= first);
  return windowed;
}

Status read_windows(const JsonFields& fields, const Family& family, ModelConfig& config) {
  const bool layers_listable = config.n_layers > 0 && config.n_layers <= kMaxLayers;
  config.windows.assign(layers_listable ? static_cast<size_t>(config.n_layers) : 0, 0);
  if (family.default_window == 0) return {};

  BP_TRY(const auto window, fields.integer("sliding_window"));
  const bool is_null = fields.members().contains("sliding_window") && !window;
  int64_t size = is_null ? 0 : window.value_or(family.default_window);
  if (!is_null && size < 1) return fields.wrong("sliding_window", "a positive length or null");
  if (!family.layer_windows) {
    config.windows.assign(config.windows.size(), size);
    return {};
  }
  BP_TRY(const auto used, fields.boolean("use_sliding_window"));
  if (!used.value_or(false)) size = 0;
  BP_TRY(const auto windowed, windowed_layers(fields, config.n_layers));
  const bool explicit_types = fields.has("layer_types");
  if (windowed.size() != config.windows.size()) {
    return fail(ErrorCode::kRefused, fields.where(),
                fmt::format("layer_types has {} entries for {} layers", windowed.size(), config.n_layers),
                "correct the file, or download it again");
  }
  for (size_t i = 0; i < windowed.size(); ++i) {
    if (!windowed[i]) continue;
    if (explicit_types && size == 0) {
      return fail(ErrorCode::kRefused, fields.where(),
                  fmt::format("layer {} is sliding_attention, but there is no window", i),
                  "set use_sliding_window and sliding_window");
    }
    config.windows[i] = size;
  }
  return {};
}

// The members of rope_parameters or, of older files, rope_scaling; with rope_theta and partial_rotary_factor beside it.
Status read_rope_scaling(const JsonFields& scaling, const JsonFields& top, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  for (const std::string_view layer_type : {"full_attention", "sliding_attention"}) {
    if (scaling.has(layer_type)) {
      return unsupported(top, "rope parameters differ by layer type", "that is not supported for this architecture");
    }
  }
  BP_TRY(const auto theta, scaling.number("rope_theta"));
  if (theta) rope.theta = *theta;
  BP_TRY(const auto rope_type, scaling.text("rope_type"));
  BP_TRY(const auto old_type, scaling.text("type"));
  const std::string name = rope_type.value_or(old_type.value_or("default"));
  const auto type = parse_rope_type(name);
  if (!type) {
    return unsupported(top, fmt::format("rope type \"{}\" is not supported", name),
                       "supported are default, linear, dynamic, llama3 and yarn");
  }
  rope.type = *type;
  BP_TRY(const auto original, scaling.integer("original_max_position_embeddings"));
  BP_TRY(const auto top_original, top.integer("original_max_position_embeddings"));
  rope.original_context = top_original.value_or(original.value_or(config.context));

  BP_TRY(const auto factor, scaling.number("factor"));
  if (!factor && (rope.type == RopeType::kLinear || rope.type == RopeType::kLlama3)) {
    return scaling.wrong("factor", "a number");
  }
  const double implied = static_cast<double>(config.context) / static_cast<double>(rope.original_context);
  rope.factor = factor.value_or(rope.type == RopeType::kYarn ? implied : 1.0);
  BP_TRY(const auto low, scaling.number("low_freq_factor"));
  BP_TRY(const auto high, scaling.number("high_freq_factor"));
  if (rope.type == RopeType::kLlama3 && !low) return scaling.wrong("low_freq_factor", "a number");
  if (rope.type == RopeType::kLlama3 && !high) return scaling.wrong("high_freq_factor", "a number");
  rope.low_freq_factor = low.value_or(1.0);
  rope.high_freq_factor = high.value_or(4.0);
  return {};
}

Status read_yarn(const JsonFields& scaling, RopeConfig& rope) {
  BP_TRY(rope.attention_factor, scaling.number("attention_factor"));
  BP_TRY(const auto beta_fast, scaling.number("beta_fast"));
  BP_TRY(const auto beta_slow, scaling.number("beta_slow"));
  // transformers takes 0 for "not given".
  if (beta_fast.value_or(0) != 0) rope.beta_fast = *beta_fast;
  if (beta_slow.value_or(0) != 0) rope.beta_slow = *beta_slow;
  BP_TRY(const auto mscale, scaling.number("mscale"));
  BP_TRY(const auto mscale_all_dim, scaling.number("mscale_all_dim"));
  rope.mscale = mscale.value_or(0);
  rope.mscale_all_dim = mscale_all_dim.value_or(0);
  BP_TRY(const auto truncate, scaling.boolean("truncate"));
  rope.truncate = truncate.value_or(true);
  return {};
}

Status read_rope(const JsonFields& fields, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  BP_TRY(const auto theta, fields.number("rope_theta"));
  rope.theta = theta.value_or(10000.0);
  BP_TRY(auto partial, fields.number("partial_rotary_factor"));

  BP_TRY(auto scaling, fields.object("rope_scaling"));
  const bool empty = !scaling || scaling->members().empty();
  BP_TRY(const auto parameters, fields.object(empty ? "rope_parameters" : "rope_scaling"));
  if (parameters) {
    BP_TRY_VOID(read_rope_scaling(*parameters, fields, config));
    if (rope.type == RopeType::kYarn) BP_TRY_VOID(read_yarn(*parameters, rope));
    BP_TRY(const auto own_partial, parameters->number("partial_rotary_factor"));
    if (own_partial) partial = own_partial;
  }
  // In this family transformers rotates whole heads with the default frequencies, whatever partial_rotary_factor says.
  rope.n_rot = config.head_dim;
  if (partial && rope.type != RopeType::kDefault) {
    if (!(*partial > 0 && *partial <= 1)) {
      return fail(ErrorCode::kRefused, fields.where(), fmt::format("partial_rotary_factor {} is no part", *partial),
                  "correct the file");
    }
    rope.n_rot = static_cast<int64_t>(static_cast<double>(std::min<int64_t>(config.head_dim, 1 << 20)) * *partial);
  }
  return {};
}

Status refuse_unsupported(const JsonFields& fields, const Family& family) {
  if (fields.has("quantization_config")) {
    return unsupported(fields, "has a quantization_config",
                       "quantised safetensors are not supported yet; take the original weights or a GGUF file");
  }
  const json::value* classes = fields.find("architectures");
  if (classes == nullptr || !classes->is_array() || classes->get_array().empty()) return {};
  const json::value& first = classes->get_array()[0];
  if (first.is_string() && std::string_view(first.get_string()) == family.hf_class) return {};
  return unsupported(fields, fmt::format("the architecture {} is not supported", write_json(first)),
                     fmt::format("a {} model is supported as {}", family.name, family.hf_class));
}

}  // namespace

Result<ModelConfig> read_hf_config(std::string_view text, const std::string& where) {
  BP_TRY(const auto value, parse_json(text, where, {.max_bytes = kMaxConfigBytes, .max_depth = kMaxDepth}));
  if (!value.is_object()) return fail(ErrorCode::kRefused, where, "is no JSON object", "download it again");
  const JsonFields fields(value.get_object(), where);
  BP_TRY(const auto model_type, fields.text("model_type"));
  if (!model_type) return fields.wrong("model_type", "a string");
  BP_TRY(const Family* family, find_hf_family(*model_type, where));
  BP_TRY_VOID(refuse_unsupported(fields, *family));

  ModelConfig config;
  config.architecture = family->name;
  BP_TRY_VOID(read_sizes(fields, *family, config));
  BP_TRY_VOID(read_switches(fields, *family, config));
  BP_TRY_VOID(read_windows(fields, *family, config));
  BP_TRY_VOID(read_rope(fields, config));
  BP_TRY_VOID(check_config(config, where));
  return config;
}

}  // namespace bp
