#include "model/hf_fields.h"

#include <fmt/format.h>

#include <cmath>

namespace bp {
namespace {

// Missing is an error where there is no default.
Result<int64_t> with_default(const JsonFields& fields, std::string_view key, int64_t fallback) {
  if (fallback > 0 && !fields.has(key)) return fallback;
  return fields.required_integer(key);
}

Status read_yarn(const JsonFields& scaling, RopeConfig& rope) {
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

Result<std::vector<float>> read_factors(const JsonFields& scaling, std::string_view key) {
  const json::value* list = scaling.find(key);
  if (list == nullptr || !list->is_array()) return scaling.wrong(key, "a list of numbers");
  std::vector<float> factors;
  for (const json::value& item : list->get_array()) {
    if (!item.is_number()) return scaling.wrong(key, "a list of numbers");
    factors.push_back(item.to_number<float>());
  }
  return factors;
}

}  // namespace

std::unexpected<Error> unsupported(const JsonFields& fields, std::string what, std::string fix) {
  return fail(ErrorCode::kUnsupported, fields.where(), std::move(what), std::move(fix));
}

Status read_hf_heads(const JsonFields& fields, const HfDefaults& defaults, ModelConfig& config) {
  BP_TRY(const auto head_dim, fields.integer("head_dim"));
  if (head_dim) {
    config.head_dim = *head_dim;
  } else if (defaults.head_dim > 0) {
    config.head_dim = defaults.head_dim;
  } else if (config.n_heads < 1 || config.hidden % config.n_heads != 0) {
    return fail(ErrorCode::kRefused, fields.where(),
                fmt::format("hidden_size {} is not a multiple of num_attention_heads {}, and there is no head_dim",
                            config.hidden, config.n_heads),
                "correct the file, or download it again");
  } else {
    config.head_dim = config.hidden / config.n_heads;
  }
  config.v_head_dim = config.head_dim;
  config.windows.assign(listable_layers(config), 0);
  config.attention_scale = 1.0 / std::sqrt(static_cast<double>(config.head_dim));
  return {};
}

Status read_hf_sizes(const JsonFields& fields, const HfDefaults& defaults, ModelConfig& config) {
  BP_TRY(config.n_layers, fields.required_integer("num_hidden_layers"));
  BP_TRY(config.hidden, fields.required_integer("hidden_size"));
  BP_TRY(config.n_heads, with_default(fields, "num_attention_heads", defaults.n_heads));
  BP_TRY(config.ffn, fields.required_integer("intermediate_size"));
  BP_TRY(config.vocab, with_default(fields, "vocab_size", defaults.vocab));
  BP_TRY(const auto context, fields.integer("max_position_embeddings"));
  config.context = context.value_or(defaults.context);
  BP_TRY(const auto n_kv_heads, fields.integer("num_key_value_heads"));
  const bool is_null = fields.members().contains("num_key_value_heads") && !n_kv_heads;
  const bool as_heads = is_null || defaults.kv_heads == 0;
  config.n_kv_heads = n_kv_heads.value_or(as_heads ? config.n_heads : defaults.kv_heads);
  BP_TRY(const auto eps, fields.number("rms_norm_eps"));
  config.norm_eps = eps.value_or(defaults.norm_eps);
  BP_TRY(const auto tied, fields.boolean("tie_word_embeddings"));
  config.tied_head = tied.value_or(defaults.tied_head);
  return read_hf_heads(fields, defaults, config);
}

Status read_hf_activation(const JsonFields& fields, std::string_view key, std::string_view fallback,
                          ModelConfig& config) {
  BP_TRY(const auto activation, fields.text(key));
  const std::string name = activation.value_or(std::string(fallback));
  if (name == "silu" || name == "swish") {
    config.activation = Activation::kSilu;
  } else if (name == "gelu") {
    config.activation = Activation::kGelu;
  } else if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast") {
    config.activation = Activation::kGeluTanh;
  } else if (name == "relu") {
    config.activation = Activation::kRelu;
  } else {
    return unsupported(fields, fmt::format("{} \"{}\" is not supported", key, name),
                       "supported are silu, gelu, gelu_pytorch_tanh and relu");
  }
  return {};
}

Status read_hf_rope_parameters(const JsonFields& scaling, const JsonFields& top, int64_t context, RopeConfig& rope) {
  BP_TRY(const auto theta, scaling.number("rope_theta"));
  if (theta) rope.theta = *theta;
  BP_TRY(const auto rope_type, scaling.text("rope_type"));
  BP_TRY(const auto old_type, scaling.text("type"));
  const std::string name = rope_type.value_or(old_type.value_or("default"));
  const auto type = parse_rope_type(name);
  if (!type) {
    return unsupported(top, fmt::format("rope type \"{}\" is not supported", name),
                       "supported are default, linear, dynamic, llama3, yarn and longrope");
  }
  rope.type = scaling.has("long_factor") ? RopeType::kLongrope : *type;  // Phi-3's older files call it by other names
  BP_TRY(const auto original, scaling.integer("original_max_position_embeddings"));
  BP_TRY(const auto top_original, top.integer("original_max_position_embeddings"));
  rope.original_context = top_original.value_or(original.value_or(context));

  BP_TRY(const auto factor, scaling.number("factor"));
  if (!factor && (rope.type == RopeType::kLinear || rope.type == RopeType::kLlama3)) {
    return scaling.wrong("factor", "a number");
  }
  const double implied = static_cast<double>(context) / static_cast<double>(rope.original_context);
  const bool by_context = rope.type == RopeType::kYarn || rope.type == RopeType::kLongrope;
  rope.factor = factor.value_or(by_context ? implied : 1.0);
  BP_TRY(const auto low, scaling.number("low_freq_factor"));
  BP_TRY(const auto high, scaling.number("high_freq_factor"));
  if (rope.type == RopeType::kLlama3 && !low) return scaling.wrong("low_freq_factor", "a number");
  if (rope.type == RopeType::kLlama3 && !high) return scaling.wrong("high_freq_factor", "a number");
  rope.low_freq_factor = low.value_or(1.0);
  rope.high_freq_factor = high.value_or(4.0);
  if (by_context) {
    BP_TRY(rope.attention_factor, scaling.number("attention_factor"));
  }
  if (rope.type == RopeType::kLongrope) {
    BP_TRY(rope.divisors, read_factors(scaling, "short_factor"));
    BP_TRY(rope.long_divisors, read_factors(scaling, "long_factor"));
  }
  return rope.type == RopeType::kYarn ? read_yarn(scaling, rope) : Status{};
}

Status read_hf_rope(const JsonFields& fields, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  BP_TRY(const auto theta, fields.number("rope_theta"));
  rope.theta = theta.value_or(rope.theta);
  BP_TRY(auto partial, fields.number("partial_rotary_factor"));

  BP_TRY(auto scaling, fields.object("rope_scaling"));
  const bool empty = !scaling || scaling->members().empty();
  BP_TRY(const auto parameters, fields.object(empty ? "rope_parameters" : "rope_scaling"));
  if (parameters) {
    for (const std::string_view layer_type : {"full_attention", "sliding_attention"}) {
      if (parameters->has(layer_type)) {
        return unsupported(fields, "rope parameters differ by layer type",
                           "that is not supported for this architecture");
      }
    }
    BP_TRY_VOID(read_hf_rope_parameters(*parameters, fields, config.context, rope));
    BP_TRY(const auto own_partial, parameters->number("partial_rotary_factor"));
    if (own_partial) partial = own_partial;
  }
  rope.n_rot = config.head_dim;
  if (rope.type == RopeType::kDynamic) {
    rope.original_context = config.context;
    config.context = static_cast<int64_t>(std::min(static_cast<double>(config.context) * rope.factor, 1e9));
  }
  if (partial) {
    if (!(*partial > 0 && *partial <= 1)) {
      return fail(ErrorCode::kRefused, fields.where(), fmt::format("partial_rotary_factor {} is no part", *partial),
                  "correct the file");
    }
    rope.n_rot = static_cast<int64_t>(static_cast<double>(std::min<int64_t>(config.head_dim, 1 << 20)) * *partial);
  }
  return {};
}

Status read_hf_layer_ropes(const JsonFields& fields, ModelConfig& config) {
  config.has_local_rope = true;
  config.rope.n_rot = config.local_rope.n_rot = config.head_dim;
  BP_TRY(const auto parameters, fields.object("rope_parameters"));
  if (!parameters || !(parameters->has("full_attention") || parameters->has("sliding_attention"))) {
    return read_hf_rope(fields, config);
  }
  BP_TRY(const auto whole, parameters->object("full_attention"));
  BP_TRY(const auto local, parameters->object("sliding_attention"));
  if (whole) BP_TRY_VOID(read_hf_rope_parameters(*whole, fields, config.context, config.rope));
  if (local) BP_TRY_VOID(read_hf_rope_parameters(*local, fields, config.context, config.local_rope));
  for (const RopeConfig* rope : {&config.rope, &config.local_rope}) {
    const bool varies = rope->type == RopeType::kDynamic || rope->type == RopeType::kLongrope;
    if (!varies) continue;
    return unsupported(fields, "rope parameters by layer type grow with the text", "supported are fixed frequencies");
  }
  return {};
}

Status read_hf_window(const JsonFields& fields, int64_t fallback, ModelConfig& config) {
  BP_TRY(const auto window, fields.integer("sliding_window"));
  const bool is_null = fields.members().contains("sliding_window") && !window;
  const int64_t size = is_null ? 0 : window.value_or(fallback);
  if (window && size < 1) return fields.wrong("sliding_window", "a positive length or null");
  config.windows.assign(config.windows.size(), size);
  return {};
}

Status read_hf_windows(const JsonFields& fields, int64_t pattern, ModelConfig& config) {
  BP_TRY_VOID(read_hf_window(fields, 4096, config));
  BP_TRY(auto windowed, read_hf_layer_types(fields, config));
  if (windowed.empty()) {
    BP_TRY(const auto given, fields.integer("sliding_window_pattern"));
    const int64_t each = given.value_or(pattern);
    if (each < 1) return fields.wrong("sliding_window_pattern", "a positive number of layers");
    for (size_t i = 0; i < config.windows.size(); ++i) windowed.push_back((static_cast<int64_t>(i) + 1) % each != 0);
  }
  return set_windows(fields, windowed, config.windows.empty() ? 0 : config.windows[0], config);
}

Result<std::vector<bool>> read_hf_layer_types(const JsonFields& fields, const ModelConfig& config) {
  std::vector<bool> windowed;
  const json::value* types = fields.find("layer_types");
  if (types == nullptr) return windowed;
  if (!types->is_array()) return fields.wrong("layer_types", "an array");
  for (const json::value& type : types->get_array()) {
    const bool known = type.is_string() && (type == "sliding_attention" || type == "full_attention");
    if (!known) {
      return unsupported(fields, fmt::format("layer_types has {}", write_json(type)),
                         "supported are full_attention and sliding_attention");
    }
    windowed.push_back(type == "sliding_attention");
  }
  if (windowed.size() != config.windows.size()) {
    return fail(ErrorCode::kRefused, fields.where(),
                fmt::format("layer_types has {} entries for {} layers", windowed.size(), config.n_layers),
                "correct the file, or download it again");
  }
  return windowed;
}

Result<std::vector<int64_t>> read_hf_integers(const JsonFields& fields, std::string_view key) {
  std::vector<int64_t> numbers;
  const json::value* list = fields.find(key);
  if (list == nullptr) return numbers;
  if (!list->is_array()) return fields.wrong(key, "a list of whole numbers");
  for (const json::value& item : list->get_array()) {
    if (!item.is_int64()) return fields.wrong(key, "a list of whole numbers");
    numbers.push_back(item.get_int64());
  }
  return numbers;
}

Status set_windows(const JsonFields& fields, const std::vector<bool>& windowed, int64_t window, ModelConfig& config) {
  for (size_t i = 0; i < config.windows.size() && i < windowed.size(); ++i) {
    config.windows[i] = windowed[i] ? window : 0;
    if (!windowed[i] || window > 0) continue;
    return fail(ErrorCode::kRefused, fields.where(),
                fmt::format("layer {} is sliding_attention, but there is no window", i),
                "set use_sliding_window and sliding_window");
  }
  return {};
}

}  // namespace bp
