// From the names Hugging Face folders give tensors to GGUF's, which the architectures use. A table has one line a
// tensor, "{}" standing for a number: the layer and, second, the expert.
//   {"blk.{}.attn_q", "layers.{}.self_attn.q_proj"}         ….weight, ….bias and what quantisation adds, alike
//   {"blk.{}.attn_sinks.weight", "layers.{}.self_attn.sinks"}    whole names, where these differ
//   {"blk.{}.ffn_up_exps", "layers.{}.mlp.experts.{}.up_proj"}   one tensor for each expert; they become one of [E, …]
// Thread-safe: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bp {

struct TensorName {
  std::string_view gguf;
  std::string_view hf;
};

// The lines of `a`, then those of `b`.
template <size_t N, size_t M>
constexpr std::array<TensorName, N + M> joined(const std::array<TensorName, N>& a, const TensorName (&b)[M]) {
  std::array<TensorName, N + M> all;
  for (size_t i = 0; i < N; ++i) all[i] = a[i];
  for (size_t i = 0; i < M; ++i) all[N + i] = b[i];
  return all;
}

struct TensorNames {
  std::span<const TensorName> table;
  std::span<const std::string_view> prefixes;  // of Hugging Face names, the longest first; dropped before the look-up
  std::span<const std::string_view> ignored;   // beginnings of names, after the prefix, of what the model does not use
};

struct GgufName {
  std::string name;               // "blk.3.ffn_up_exps.weight"
  std::optional<int64_t> layer;   // 3
  std::optional<int64_t> expert;  // which slice of the tensor
};

// A tensor of a folder that the model does not use.
bool is_ignored(const TensorNames& names, std::string_view hf_name);
// Null: the table has no such tensor.
std::optional<GgufName> gguf_name_of(const TensorNames& names, std::string_view hf_name);
// The name in a folder, for messages; `gguf` itself where the table does not have it.
std::string hf_name_of(const TensorNames& names, std::string_view gguf);

}  // namespace bp
