// The metadata of one architecture in a GGUF file: "<architecture>.block_count" and so on; and what all decoders read
// of it alike. Thread-safe: reads only. Valid as long as the metadata.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/gguf_metadata.h"
#include "model/model_config.h"

namespace bp {

class GgufKeys {
 public:
  GgufKeys(const GgufMetadata& metadata, std::string_view architecture)
      : metadata_(metadata), architecture_(architecture) {}

  std::string key(std::string_view name) const { return fmt::format("{}.{}", architecture_, name); }
  bool has(std::string_view name) const { return metadata_.has(key(name)); }

  template <class T>
  Result<T> get(std::string_view name) const {
    return metadata_.get<T>(key(name));
  }
  template <class T>
  Result<T> get_or(std::string_view name, T fallback) const {
    return metadata_.get_or<T>(key(name), fallback);
  }
  // A number, or an array with one number per layer that are all the same.
  Result<int64_t> uniform(std::string_view name) const;

  const std::string& where() const { return metadata_.where(); }
  const GgufMetadata& metadata() const { return metadata_; }
  std::unexpected<Error> unsupported(std::string what) const;

 private:
  const GgufMetadata& metadata_;
  std::string architecture_;
};

// Layers, sizes, heads, vocabulary, context, RMS norm epsilon, and 1/√head_dim as the attention's scale.
Status read_gguf_sizes(const GgufKeys& keys, ModelConfig& config);
// attention.sliding_window, for the layers that attention.sliding_window_pattern says: a list, or n: all but each nth.
// `pattern`: where the file has none; 0: every layer.
Status read_gguf_windows(const GgufKeys& keys, ModelConfig& config, int64_t pattern = 0);
// rope.*: frequencies and their scaling.
Status read_gguf_rope(const GgufKeys& keys, ModelConfig& config);
// expert_*: n_experts, n_used, their sizes and weights. Layers from `first` on have experts.
Status read_gguf_experts(const GgufKeys& keys, int64_t first, ModelConfig& config);

}  // namespace bp
