#include "model/arch/llama_weights.h"

#include <fmt/format.h>

#include <unordered_set>

#include "quant/quant.h"

namespace bp {
namespace {

enum class Need { kRequired, kIfPresent, kAbsent };

struct LayerTensor {
  const WeightView* LlamaLayer::* member;
  std::string_view gguf_name;  // after "blk.N."
  std::string_view hf_name;    // after "model.layers.N."
  std::vector<int64_t> dims;
  Need need = Need::kRequired;
};

Need bias_need(bool required) { return required ? Need::kRequired : Need::kIfPresent; }

std::vector<LayerTensor> layer_tensors(const ModelConfig& c) {
  const int64_t n_q = c.n_heads * c.head_dim, n_k = c.n_kv_heads * c.head_dim;
  const int64_t n_v = c.n_kv_heads * c.v_head_dim, n_o = c.n_heads * c.v_head_dim;
  const Need qkv = bias_need(c.qkv_bias), o = bias_need(c.o_bias), mlp = bias_need(c.mlp_bias);
  const Need qk_norm = c.qk_norm ? Need::kRequired : Need::kAbsent;
  return {
      {&LlamaLayer::attn_norm, "attn_norm.weight", "input_layernorm.weight", {c.hidden}},
      {&LlamaLayer::q, "attn_q.weight", "self_attn.q_proj.weight", {n_q, c.hidden}},
      {&LlamaLayer::k, "attn_k.weight", "self_attn.k_proj.weight", {n_k, c.hidden}},
      {&LlamaLayer::v, "attn_v.weight", "self_attn.v_proj.weight", {n_v, c.hidden}},
      {&LlamaLayer::o, "attn_output.weight", "self_attn.o_proj.weight", {c.hidden, n_o}},
      {&LlamaLayer::q_bias, "attn_q.bias", "self_attn.q_proj.bias", {n_q}, qkv},
      {&LlamaLayer::k_bias, "attn_k.bias", "self_attn.k_proj.bias", {n_k}, qkv},
      {&LlamaLayer::v_bias, "attn_v.bias", "self_attn.v_proj.bias", {n_v}, qkv},
      {&LlamaLayer::o_bias, "attn_output.bias", "self_attn.o_proj.bias", {c.hidden}, o},
      {&LlamaLayer::q_norm, "attn_q_norm.weight", "self_attn.q_norm.weight", {c.head_dim}, qk_norm},
      {&LlamaLayer::k_norm, "attn_k_norm.weight", "self_attn.k_norm.weight", {c.head_dim}, qk_norm},
      {&LlamaLayer::ffn_norm, "ffn_norm.weight", "post_attention_layernorm.weight", {c.hidden}},
      {&LlamaLayer::gate, "ffn_gate.weight", "mlp.gate_proj.weight", {c.ffn, c.hidden}},
      {&LlamaLayer::up, "ffn_up.weight", "mlp.up_proj.weight", {c.ffn, c.hidden}},
      {&LlamaLayer::down, "ffn_down.weight", "mlp.down_proj.weight", {c.hidden, c.ffn}},
      {&LlamaLayer::gate_bias, "ffn_gate.bias", "mlp.gate_proj.bias", {c.ffn}, mlp},
      {&LlamaLayer::up_bias, "ffn_up.bias", "mlp.up_proj.bias", {c.ffn}, mlp},
      {&LlamaLayer::down_bias, "ffn_down.bias", "mlp.down_proj.bias", {c.hidden}, mlp},
  };
}

class Finder {
 public:
  Finder(const ModelConfig& config, const Weights& weights, const std::string& where)
      : config_(config), weights_(weights), where_(where), is_gguf_(weights.gguf() != nullptr) {
    // A base model saved without its head has no "model." before the names.
    if (!is_gguf_ && weights.find("model.embed_tokens.weight") != nullptr) prefix_ = "model.";
    layer_prefix_ = is_gguf_ ? "blk." : prefix_ + "layers.";
  }

  Result<LlamaWeights> find() {
    LlamaWeights found;
    const std::vector<int64_t> table = {config_.vocab, config_.hidden};
    BP_TRY(found.embedding, take(is_gguf_ ? "token_embd.weight" : prefix_ + "embed_tokens.weight", table));
    const std::string norm = is_gguf_ ? "output_norm.weight" : prefix_ + "norm.weight";
    BP_TRY(found.output_norm, take(norm, {config_.hidden}));
    found.head = found.embedding;
    if (!config_.tied_head) {
      BP_TRY(found.head, take(is_gguf_ ? "output.weight" : "lm_head.weight", table));
    }
    const std::vector<LayerTensor> tensors = layer_tensors(config_);
    for (int64_t i = 0; i < config_.n_layers; ++i) {
      BP_TRY(const auto layer, find_layer(i, tensors));
      found.layers.push_back(layer);
    }
    BP_TRY_VOID(refuse_unknown());
    return found;
  }

 private:
  Result<LlamaLayer> find_layer(int64_t layer_idx, const std::vector<LayerTensor>& tensors) {
    LlamaLayer layer;
    for (const LayerTensor& tensor : tensors) {
      if (tensor.need == Need::kAbsent) continue;
      const std::string name =
          fmt::format("{}{}.{}", layer_prefix_, layer_idx, is_gguf_ ? tensor.gguf_name : tensor.hf_name);
      if (tensor.need == Need::kIfPresent && weights_.find(name) == nullptr) continue;
      BP_TRY(layer.*tensor.member, take(name, tensor.dims));
    }
    return layer;
  }

  Result<const WeightView*> take(const std::string& name, const std::vector<int64_t>& dims) {
    const WeightView* view = weights_.find(name);
    if (view == nullptr) {
      return fail(ErrorCode::kRefused, where_, fmt::format("tensor {} is missing", name),
                  "the model is incomplete, download it again");
    }
    if (view->dims != dims) {
      return fail(
          ErrorCode::kRefused, where_,
          fmt::format("tensor {} is {}, the configuration says {}", name, dims_text(view->dims), dims_text(dims)),
          "weights and configuration are of different models, download both again");
    }
    const bool readable = dims.size() > 1 ? can_decode(view->dtype) : is_float(view->dtype) && can_decode(view->dtype);
    if (!readable) {
      return fail(ErrorCode::kUnsupported, where_,
                  fmt::format("tensor {} is {}, which is not supported there", name, dtype_name(view->dtype)),
                  "take the model with weights of f32, f16, bf16, q8_0, q4_0 or q4_1");
    }
    used_.insert(view);
    return view;
  }

  // A layer's weight that the graph leaves out would make the answers wrong without a word.
  Status refuse_unknown() const {
    for (const WeightView& view : weights_.all()) {
      if (!view.name.starts_with(layer_prefix_) || used_.contains(&view)) continue;
      if (view.name.ends_with(".rotary_emb.inv_freq")) continue;  // computed from the config
      return fail(ErrorCode::kUnsupported, where_,
                  fmt::format("tensor {} is no part of a {} model of {} layers", view.name, config_.architecture,
                              config_.n_layers),
                  "this variant of the architecture is not supported");
    }
    return {};
  }

  const ModelConfig& config_;
  const Weights& weights_;
  const std::string& where_;
  bool is_gguf_;
  std::string prefix_;
  std::string layer_prefix_;
  std::unordered_set<const WeightView*> used_;
};

}  // namespace

Result<LlamaWeights> find_llama_weights(const ModelConfig& config, const Weights& weights, const std::string& where) {
  return Finder(config, weights, where).find();
}

}  // namespace bp
