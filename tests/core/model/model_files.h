// A tiny Llama-family model in memory, to be written as a GGUF file or a folder, whole or with something wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "gguf_writer.h"
#include "safetensors_writer.h"
#include "temp_folder.h"

namespace bp::test {

struct TinyTensor {
  std::vector<int64_t> dims;
  std::vector<float> values() const {
    int64_t n = 1;
    for (const int64_t dim : dims) n *= dim;
    return std::vector<float>(static_cast<size_t>(n), 0.25f);
  }
};

// 2 layers, hidden 32, 4 heads of 8, 2 kv heads, ffn 64, vocabulary 16. Change its members before writing it.
struct TinyModel {
  json::object config;
  std::map<std::string, TinyTensor> tensors;  // by Hugging Face name

  TinyModel() {
    config = {{"model_type", "llama"},       {"architectures", {"LlamaForCausalLM"}},
              {"num_hidden_layers", 2},      {"hidden_size", 32},
              {"num_attention_heads", 4},    {"num_key_value_heads", 2},
              {"intermediate_size", 64},     {"vocab_size", 16},
              {"rms_norm_eps", 1e-5},        {"max_position_embeddings", 128},
              {"tie_word_embeddings", false}};
    tensors["model.embed_tokens.weight"] = {{16, 32}};
    tensors["model.norm.weight"] = {{32}};
    tensors["lm_head.weight"] = {{16, 32}};
    for (int i = 0; i < 2; ++i) {
      const std::string layer = "model.layers." + std::to_string(i) + ".";
      tensors[layer + "input_layernorm.weight"] = {{32}};
      tensors[layer + "post_attention_layernorm.weight"] = {{32}};
      tensors[layer + "self_attn.q_proj.weight"] = {{32, 32}};
      tensors[layer + "self_attn.k_proj.weight"] = {{16, 32}};
      tensors[layer + "self_attn.v_proj.weight"] = {{16, 32}};
      tensors[layer + "self_attn.o_proj.weight"] = {{32, 32}};
      tensors[layer + "mlp.gate_proj.weight"] = {{64, 32}};
      tensors[layer + "mlp.up_proj.weight"] = {{64, 32}};
      tensors[layer + "mlp.down_proj.weight"] = {{32, 64}};
    }
  }

  void write(const TempFolder& folder) const {
    folder.write("config.json", write_json(config));
    SafetensorsWriter writer;
    for (const auto& [name, tensor] : tensors) writer.tensor(name, tensor.dims, tensor.values());
    folder.write("model.safetensors", writer.bytes());
  }
};

// The same shape with llama.cpp's names. `matrices`: their dtype. `leave_out`: tensors that shall be missing.
inline GgufWriter tiny_gguf(const std::string& architecture = "llama", DType matrices = DType::kF32,
                            const std::function<bool(const std::string&)>& leave_out = {}) {
  GgufWriter writer;
  writer.text("general.architecture", architecture);
  const auto key = [&](const char* name) { return architecture + "." + name; };
  writer.u32(key("block_count"), 2);
  writer.u32(key("context_length"), 128);
  writer.u32(key("embedding_length"), 32);
  writer.u32(key("feed_forward_length"), 64);
  writer.u32(key("attention.head_count"), 4);
  writer.u32(key("attention.head_count_kv"), 2);
  writer.f32(key("attention.layer_norm_rms_epsilon"), 1e-5f);
  const auto add = [&](const std::string& name, const std::vector<int64_t>& dims) {
    if (leave_out && leave_out(name)) return;
    writer.tensor(name, dims, TinyTensor{dims}.values(), dims.size() > 1 ? matrices : DType::kF32);
  };
  add("token_embd.weight", {16, 32});
  add("output_norm.weight", {32});
  add("output.weight", {16, 32});
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    add(layer + "attn_norm.weight", {32});
    add(layer + "ffn_norm.weight", {32});
    add(layer + "attn_q.weight", {32, 32});
    add(layer + "attn_k.weight", {16, 32});
    add(layer + "attn_v.weight", {16, 32});
    add(layer + "attn_output.weight", {32, 32});
    add(layer + "ffn_gate.weight", {64, 32});
    add(layer + "ffn_up.weight", {64, 32});
    add(layer + "ffn_down.weight", {32, 64});
    if (architecture == "qwen2") {
      add(layer + "attn_q.bias", {32});
      add(layer + "attn_k.bias", {16});
      add(layer + "attn_v.bias", {16});
    }
  }
  return writer;
}

}  // namespace bp::test
