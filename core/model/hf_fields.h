// What decoders read of a config.json alike; each architecture says what it assumes where the file is silent.
// Thread-safe: reads only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/json_fields.h"
#include "model/model_config.h"

namespace bp {

// transformers' defaults of one architecture.
struct HfDefaults {
  int64_t context = 2048;
  int64_t n_heads = 0;   // 0: the file must say
  int64_t vocab = 0;     // 0: the file must say
  int64_t kv_heads = 0;  // 0: as many as query heads
  int64_t head_dim = 0;  // 0: hidden / n_heads
  double norm_eps = 1e-6;
  std::string_view activation = "silu";
  bool tied_head = false;
};

// Layers, sizes, heads, vocabulary, context, epsilon, tying; 1/√head_dim as the attention's scale.
Status read_hf_sizes(const JsonFields& fields, const HfDefaults& defaults, ModelConfig& config);
// From hidden, n_heads and n_layers: the heads' dimensions (the file's head_dim, else that of `defaults`, else hidden /
// n_heads), 1/√head_dim as the attention's scale, and no windows.
Status read_hf_heads(const JsonFields& fields, const HfDefaults& defaults, ModelConfig& config);
// The member `key` ("hidden_act"), or `fallback`.
Status read_hf_activation(const JsonFields& fields, std::string_view key, std::string_view fallback,
                          ModelConfig& config);
// rope_theta, rope_scaling or rope_parameters, partial_rotary_factor.
Status read_hf_rope(const JsonFields& fields, ModelConfig& config);
// One set of rope parameters into `rope`; `top` has what stands beside it.
Status read_hf_rope_parameters(const JsonFields& parameters, const JsonFields& top, int64_t context, RopeConfig& rope);
// rope_parameters by layer type, or the older rope_scaling, which is of the layers without a window; the others rotate
// by local_rope. Both have their default theta.
Status read_hf_layer_ropes(const JsonFields& fields, ModelConfig& config);
// sliding_window for every layer: `fallback` where it is missing, none where it is null.
Status read_hf_window(const JsonFields& fields, int64_t fallback, ModelConfig& config);
// The same for the layers that layer_types names, or sliding_window_pattern, or else all but each `pattern`th.
Status read_hf_windows(const JsonFields& fields, int64_t pattern, ModelConfig& config);
// layer_types: for each layer, whether it has the window. Empty: the file has none.
Result<std::vector<bool>> read_hf_layer_types(const JsonFields& fields, const ModelConfig& config);
// A list of whole numbers; empty where it is missing.
Result<std::vector<int64_t>> read_hf_integers(const JsonFields& fields, std::string_view key);
// windows[i] = window where windowed[i].
Status set_windows(const JsonFields& fields, const std::vector<bool>& windowed, int64_t window, ModelConfig& config);

std::unexpected<Error> unsupported(const JsonFields& fields, std::string what, std::string fix);

}  // namespace bp
