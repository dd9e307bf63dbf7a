#include "model/arch/family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <vector>

namespace bp {
namespace {

constexpr std::array kFamilies = {
    Family{.name = "llama",
           .hf_class = "LlamaForCausalLM",
           .gguf_name = "llama",
           .default_context = 2048,
           .default_kv_heads = 0,
           .default_head_dim = 0,
           .default_window = 0,
           .layer_windows = false,
           .qkv_bias = false,
           .qk_norm = false,
           .gguf_interleaved_rope = true},
    Family{.name = "mistral",
           .hf_class = "MistralForCausalLM",
           .gguf_name = "",
           .default_context = 131072,
           .default_kv_heads = 8,
           .default_head_dim = 0,
           .default_window = 4096,
           .layer_windows = false,
           .qkv_bias = false,
           .qk_norm = false,
           .gguf_interleaved_rope = true},
    Family{.name = "qwen2",
           .hf_class = "Qwen2ForCausalLM",
           .gguf_name = "qwen2",
           .default_context = 32768,
           .default_kv_heads = 32,
           .default_head_dim = 0,
           .default_window = 4096,
           .layer_windows = true,
           .qkv_bias = true,
           .qk_norm = false,
           .gguf_interleaved_rope = false},
    Family{.name = "qwen3",
           .hf_class = "Qwen3ForCausalLM",
           .gguf_name = "qwen3",
           .default_context = 32768,
           .default_kv_heads = 32,
           .default_head_dim = 128,
           .default_window = 4096,
           .layer_windows = true,
           .qkv_bias = false,
           .qk_norm = true,
           .gguf_interleaved_rope = false},
};

std::unexpected<Error> unsupported(std::string_view name, std::string_view Family::* member, const std::string& where) {
  std::vector<std::string_view> known;
  for (const Family& family : kFamilies) {
    if (!(family.*member).empty()) known.push_back(family.*member);
  }
  return fail(ErrorCode::kUnsupported, where, fmt::format("the architecture \"{}\" is not supported", name),
              fmt::format("supported are {}", fmt::join(known, ", ")));
}

Result<const Family*> find_by(std::string_view name, std::string_view Family::* member, const std::string& where) {
  for (const Family& family : kFamilies) {
    if (!name.empty() && family.*member == name) return &family;
  }
  return unsupported(name, member, where);
}

}  // namespace

Result<const Family*> find_hf_family(std::string_view model_type, const std::string& where) {
  return find_by(model_type, &Family::name, where);
}

Result<const Family*> find_gguf_family(std::string_view architecture, const std::string& where) {
  return find_by(architecture, &Family::gguf_name, where);
}

}  // namespace bp
