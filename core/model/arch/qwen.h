// What the configurations of the Qwen family have in common.
#pragma once

#include "model/hf_fields.h"

namespace bp {

// use_sliding_window, max_window_layers and layer_types decide by layer which have the window.
Status read_qwen_windows(const JsonFields& fields, ModelConfig& config);

}  // namespace bp
