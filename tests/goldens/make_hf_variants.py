#!/usr/bin/env python3
"""Write data/hf_*: variants of every family, computed by Hugging Face transformers in float32.

Weights are random, of values that bfloat16 holds, and stored in bfloat16; most config.json are in the spelling of the
hub, keys that have a default left out where the hub leaves them out.

usage: make_hf_variants.py [NAME…]        needs torch, transformers (written with 5.24), safetensors, numpy
"""
import sys

import torch

import hf_embeddings
import hf_packing as packing
from hf_oracle import causal_case

CASES = {}


def case(name, seed, model_type, cls, config=None, **options):
    base = {"architectures": [cls], "model_type": model_type, "vocab_size": 96, "bos_token_id": 1, "eos_token_id": 2}
    CASES[name] = (base | (config or {}), seed, options)


SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 128}  # fmt: skip
YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}

# ---- Llama, Mistral, Mixtral, Granite, OLMo 2 -------------------------------------------------------------------------
case("llama_mha_bias", 1, "llama", "LlamaForCausalLM", SMALL | {"num_key_value_heads": 4, "attention_bias": True,
     "mlp_bias": True, "tie_word_embeddings": True, "rope_theta": 5e5}, extra={
     f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.ones(4) for i in range(2)}, others=(31, 2))  # fmt: skip
case("llama_head_dim_dynamic", 2, "llama", "LlamaForCausalLM", SMALL | {"head_dim": 16, "max_position_embeddings": 64,
     "rope_scaling": {"type": "dynamic", "factor": 2.0}}, own_config=True)  # fmt: skip
case("llama_llama3", 3, "llama", "LlamaForCausalLM", SMALL | {"rope_theta": 500000.0, "hidden_act": "gelu", "rope_scaling": {
     "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
     "rope_type": "llama3"}}, own_config=True)  # fmt: skip
case("llama_yarn", 4, "llama", "LlamaForCausalLM", SMALL | {"rope_scaling": YARN | {"attention_factor": 1.3}})
case("llama_yarn_mscale", 14, "llama", "LlamaForCausalLM", SMALL | {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4,
     "factor": 8.0, "original_max_position_embeddings": 16, "mscale": 1.0, "mscale_all_dim": 0.5}})  # fmt: skip
case("mistral_head_dim", 5, "mistral", "MistralForCausalLM", SMALL | {"head_dim": 12, "sliding_window": 7, "rope_theta": 1e6})
case("mistral_no_window", 6, "mistral", "MistralForCausalLM", SMALL | {"sliding_window": None, "tie_word_embeddings": True,
     "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 8.0, "original_max_position_embeddings": 16,
     "beta_fast": 32.0, "beta_slow": 1.0}})  # fmt: skip
MIXTRAL = SMALL | {"intermediate_size": 32, "num_local_experts": 4}
case("mixtral_window_k1", 7, "mixtral", "MixtralForCausalLM", MIXTRAL | {"sliding_window": 6, "num_experts_per_tok": 1})
case("mixtral_k3_tied", 8, "mixtral", "MixtralForCausalLM", MIXTRAL | {"num_experts_per_tok": 3, "num_local_experts": 5,
     "tie_word_embeddings": True, "head_dim": 12, "rope_theta": 1e6}, own_config=True, others=(30, 1))  # fmt: skip
case("granite_bias_tied", 9, "granite", "GraniteForCausalLM", SMALL | {"attention_bias": True, "mlp_bias": True,
     "tie_word_embeddings": True, "embedding_multiplier": 12.0, "attention_multiplier": 0.015625, "residual_multiplier": 0.22,
     "logits_scaling": 0.5, "rope_theta": 1e7}, embed=0.1)  # fmt: skip
case("granite_defaults", 10, "granite", "GraniteForCausalLM", SMALL | {"rope_scaling": YARN}, own_config=True)
case("olmo2_gqa_tied", 11, "olmo2", "Olmo2ForCausalLM", SMALL | {"num_key_value_heads": 1, "tie_word_embeddings": True,
     "rope_theta": 500000, "attention_bias": True})  # fmt: skip
case("olmo2_mha_yarn", 12, "olmo2", "Olmo2ForCausalLM", SMALL | {"num_key_value_heads": 4, "rope_scaling": YARN}, own_config=True)
case("olmo3", 13, "olmo3", "Olmo3ForCausalLM", SMALL | {"num_hidden_layers": 4, "sliding_window": 6, "rope_scaling": {**YARN, "rope_type": "yarn"}})

# ---- Qwen ------------------------------------------------------------------------------------------------------------
case("qwen2_windows", 20, "qwen2", "Qwen2ForCausalLM", SMALL | {"num_hidden_layers": 3, "use_sliding_window": True,
     "sliding_window": 5, "max_window_layers": 2, "tie_word_embeddings": True})  # fmt: skip
case("qwen2_yarn", 21, "qwen2", "Qwen2ForCausalLM", SMALL | {"rope_theta": 1000000.0, "sliding_window": 8,
     "use_sliding_window": False, "max_window_layers": 1, "rope_scaling": YARN})  # fmt: skip
case("qwen3_tied", 22, "qwen3", "Qwen3ForCausalLM", SMALL | {"head_dim": 16, "tie_word_embeddings": True,
     "rope_theta": 1000000, "rope_scaling": YARN})  # fmt: skip
QWEN_MOE = SMALL | {"moe_intermediate_size": 24, "num_experts": 6, "num_experts_per_tok": 2, "head_dim": 12}
case("qwen3_moe_step2", 23, "qwen3_moe", "Qwen3MoeForCausalLM", QWEN_MOE | {"num_hidden_layers": 4, "decoder_sparse_step": 2,
     "mlp_only_layers": [1], "tie_word_embeddings": True}, own_config=True)  # fmt: skip
case("qwen3_moe_k4", 24, "qwen3_moe", "Qwen3MoeForCausalLM", QWEN_MOE | {"num_experts_per_tok": 4, "norm_topk_prob": True,
     "mlp_only_layers": [], "rope_scaling": YARN})  # fmt: skip
case("qwen3_moe_raw_probs", 25, "qwen3_moe", "Qwen3MoeForCausalLM", QWEN_MOE | {"num_experts_per_tok": 3,
     "attention_bias": True}, own_config=True)  # fmt: skip
case("qwen2_moe", 26, "qwen2_moe", "Qwen2MoeForCausalLM", SMALL | {"moe_intermediate_size": 24, "num_experts": 4,
     "num_experts_per_tok": 2, "shared_expert_intermediate_size": 40})  # fmt: skip

# ---- DeepSeek --------------------------------------------------------------------------------------------------------
LATENT = {"hidden_size": 32, "intermediate_size": 40, "moe_intermediate_size": 16, "num_hidden_layers": 3,
          "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": None, "kv_lora_rank": 20, "qk_nope_head_dim": 12,
          "qk_rope_head_dim": 8, "v_head_dim": 10, "n_routed_experts": 8, "num_experts_per_tok": 3, "n_shared_experts": 2,
          "first_k_dense_replace": 1, "routed_scaling_factor": 1.0, "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
          "norm_topk_prob": False, "hidden_act": "silu", "moe_layer_freq": 1}  # fmt: skip
DEEPSEEK_YARN = {"type": "yarn", "factor": 40, "original_max_position_embeddings": 16, "beta_fast": 32, "beta_slow": 1}
V2, V3 = ("deepseek_v2", "DeepseekV2ForCausalLM"), ("deepseek_v3", "DeepseekV3ForCausalLM")
GROUPS = {"n_group": 4, "topk_group": 2}
case("deepseek_v2_lite", 30, *V2, LATENT | {"topk_method": "greedy", "n_group": 1, "topk_group": 1,
     "rope_scaling": DEEPSEEK_YARN | {"mscale": 0.707, "mscale_all_dim": 0.707}}, others=(40, 9))  # fmt: skip
case("deepseek_v2_groups", 31, *V2, LATENT | {"topk_method": "group_limited_greedy", "q_lora_rank": 24, "num_hidden_layers": 2,
     "routed_scaling_factor": 16.0, "rope_scaling": DEEPSEEK_YARN | {"mscale": 1.0, "mscale_all_dim": 0.6}} | GROUPS, own_config=True)  # fmt: skip
case("deepseek_v2_all_moe_bias", 32, *V2, LATENT | {"topk_method": "greedy", "first_k_dense_replace": 0, "num_hidden_layers": 2,
     "attention_bias": True, "q_lora_rank": 24, "n_shared_experts": 1, "num_experts_per_tok": 1, "rms_norm_eps": 1e-3},
     own_config=True)  # fmt: skip
V3_KEYS = {"topk_method": "noaux_tc", "scoring_func": "sigmoid", "routed_scaling_factor": 2.5, "norm_topk_prob": True,
           "num_nextn_predict_layers": 1}  # fmt: skip
case("deepseek_v3_groups_yarn", 33, *V3, LATENT | V3_KEYS | GROUPS | {"q_lora_rank": 24, "num_hidden_layers": 2,
     "rope_scaling": DEEPSEEK_YARN | {"mscale": 1.0, "mscale_all_dim": 1.0}}, own_config=True)  # fmt: skip
case("deepseek_v3_raw_probs", 34, *V3, LATENT | V3_KEYS | {"norm_topk_prob": False, "n_group": 2, "topk_group": 1,
     "n_shared_experts": 1, "q_lora_rank": 20, "num_hidden_layers": 2}, own_config=True)  # fmt: skip
case("deepseek_v3_halves", 35, *V3, LATENT | V3_KEYS | {"rope_interleave": False, "n_group": 1, "topk_group": 1,
     "num_hidden_layers": 2, "first_k_dense_replace": 1})  # fmt: skip
case("deepseek_v3_spare_layer", 36, *V3, LATENT | V3_KEYS | {"n_group": 1, "topk_group": 1, "num_hidden_layers": 2},
     extra={"model.layers.2.eh_proj.weight": torch.ones(32, 64, dtype=torch.bfloat16),
            "model.layers.2.enorm.weight": torch.ones(32, dtype=torch.bfloat16)})  # fmt: skip
case("deepseek_v3_fp8", 37, *V3, LATENT | V3_KEYS | {"hidden_size": 160, "intermediate_size": 144, "n_group": 1, "topk_group": 1,
     "moe_intermediate_size": 32, "n_routed_experts": 4, "num_experts_per_tok": 2, "num_hidden_layers": 2, "q_lora_rank": 24,
     "vocab_size": 64, "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
     "weight_block_size": [128, 128]}}, before=packing.fp8_round, pack=packing.fp8_pack)  # fmt: skip

# ---- Falcon ----------------------------------------------------------------------------------------------------------
FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "layer_norm_epsilon": 1e-5, "alibi": False,
          "bias": False, "max_position_embeddings": 128}  # fmt: skip
FALCON_CLASS = ("falcon", "FalconForCausalLM")
case("falcon_mqa_serial_bias", 40, *FALCON_CLASS, FALCON | {"multi_query": True, "parallel_attn": False, "bias": True},
     mlp_gain=8)  # fmt: skip
case("falcon_rw_alibi", 41, *FALCON_CLASS, FALCON | {"alibi": True, "bias": True, "multi_query": False, "parallel_attn": False}, others=(26, 11))
case("falcon_alibi_mqa_6_heads", 42, *FALCON_CLASS, FALCON | {"hidden_size": 36, "num_attention_heads": 6, "alibi": True,
     "multi_query": True, "parallel_attn": True})  # fmt: skip
case("falcon_mha_parallel", 43, *FALCON_CLASS, FALCON | {"multi_query": False, "parallel_attn": True, "ffn_hidden_size": 80,
     "tie_word_embeddings": False, "activation": "gelu_pytorch_tanh"}, own_config=True, mlp_gain=8)  # fmt: skip
case("falcon_new_one_norm", 44, *FALCON_CLASS, FALCON | {"new_decoder_architecture": True, "num_kv_heads": 2,
     "num_ln_in_parallel_attn": 1, "multi_query": True, "parallel_attn": True})  # fmt: skip
case("falcon_new_default_norms", 45, *FALCON_CLASS, FALCON | {"new_decoder_architecture": True, "num_kv_heads": 4, "bias": True,
     "parallel_attn": True, "rope_theta": 500042, "rope_scaling": YARN}, own_config=True)  # fmt: skip

case("falcon_mqa_gguf", 46, *FALCON_CLASS, FALCON | {"multi_query": True, "parallel_attn": True, "num_kv_heads": 4})
case("falcon_new_two_norms", 47, *FALCON_CLASS, FALCON | {"new_decoder_architecture": True, "num_kv_heads": 2,
     "parallel_attn": True, "multi_query": True})  # fmt: skip

# ---- Gemma -----------------------------------------------------------------------------------------------------------
GEMMA = SMALL | {"head_dim": 12, "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-6}
ZERO = {"zero_centred_norms": True, "embed": 0.2}
case("gemma1", 57, "gemma", "GemmaForCausalLM", GEMMA | {"num_key_value_heads": 1, "hidden_act": "gelu"}, **ZERO)
case("gemma2_no_caps", 50, "gemma2", "Gemma2ForCausalLM", GEMMA | {"attn_logit_softcapping": None, "sliding_window": 5,
     "final_logit_softcapping": None, "query_pre_attn_scalar": 24, "hidden_act": "gelu_pytorch_tanh"}, **ZERO)  # fmt: skip
case("gemma2_hub", 56, "gemma2", "Gemma2ForCausalLM", GEMMA | {"num_hidden_layers": 3, "attn_logit_softcapping": 10.0,
     "final_logit_softcapping": 6.0, "query_pre_attn_scalar": 12, "sliding_window": 5}, **ZERO)  # fmt: skip
case("gemma2_tight_caps", 51, "gemma2", "Gemma2ForCausalLM", GEMMA | {"num_hidden_layers": 3, "attn_logit_softcapping": 3.0,
     "final_logit_softcapping": 4.0, "query_pre_attn_scalar": 144, "sliding_window": 4, "rope_theta": 1000.0},
     own_config=True, **ZERO)  # fmt: skip
GEMMA3 = GEMMA | {"rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "sliding_window": 5, "query_pre_attn_scalar": 12}
case("gemma3_pattern_linear", 52, "gemma3_text", "Gemma3ForCausalLM", GEMMA3 | {"num_hidden_layers": 4,
     "sliding_window_pattern": 2, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}, own_config=True, **ZERO)  # fmt: skip
case("gemma3_default_pattern", 53, "gemma3_text", "Gemma3ForCausalLM", GEMMA3 | {"num_hidden_layers": 7, "intermediate_size": 24,
     "attention_bias": True, "tie_word_embeddings": False, "query_pre_attn_scalar": 30}, own_config=True, **ZERO)  # fmt: skip
case("gemma3_text", 55, "gemma3_text", "Gemma3ForCausalLM", GEMMA3 | {"num_hidden_layers": 7, "intermediate_size": 24,
     "query_pre_attn_scalar": 12, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}, **ZERO, others=(37, 3))  # fmt: skip
case("gemma3_caps", 54, "gemma3_text", "Gemma3ForCausalLM", GEMMA3 | {"attn_logit_softcapping": 4.0,
     "final_logit_softcapping": 5.0, "layer_types": ["full_attention", "sliding_attention"]}, **ZERO)  # fmt: skip

# As google/gemma-3-4b-it: the text model within a multimodal one, whose other weights are not looked at.
TEXT = GEMMA3 | {"model_type": "gemma3_text", "vocab_size": 96, "head_dim": 12, "query_pre_attn_scalar": 12,
                 "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}  # fmt: skip
case("gemma3_in_multimodal", 58, "gemma3_text", "Gemma3ForCausalLM", TEXT, **ZERO, rename=lambda n: "language_model." + n,
     spelling={"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": TEXT,
               "vision_config": {"hidden_size": 1152, "model_type": "siglip_vision_model"}, "mm_tokens_per_image": 256},
     only={"architectures", "model_type", "text_config", "vision_config", "mm_tokens_per_image", "eos_token_id"},
     extra={"multi_modal_projector.mm_soft_emb_norm.weight": torch.ones(32, dtype=torch.bfloat16),
            "vision_tower.vision_model.post_layernorm.bias": torch.ones(8, dtype=torch.bfloat16)})  # fmt: skip

# ---- gpt-oss, GPT-2, Phi-3 -------------------------------------------------------------------------------------------
OSS = SMALL | {"head_dim": 8, "intermediate_size": 32, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 6,
               "attention_bias": True, "rope_theta": 150000, "hidden_act": "silu"}  # fmt: skip
OSS_YARN = {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 4.0, "original_max_position_embeddings": 16, "rope_type": "yarn",
            "truncate": False}  # fmt: skip
MXFP4 = {"modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
         "quant_method": "mxfp4"}  # fmt: skip
OSS_CLASS = ("gpt_oss", "GptOssForCausalLM")
case("gpt_oss_bf16", 60, *OSS_CLASS, OSS | {"rope_scaling": OSS_YARN, "num_experts_per_tok": 3}, others=(33, 8))
case("gpt_oss_layer_types", 61, *OSS_CLASS, OSS | {"layer_types": ["full_attention", "sliding_attention"],
     "tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}, own_config=True)  # fmt: skip
case("gpt_oss_mxfp4", 62, *OSS_CLASS, OSS | {"hidden_size": 64, "head_dim": 16, "rope_scaling": OSS_YARN, "vocab_size": 64,
     "quantization_config": MXFP4}, before=packing.mxfp4_round, pack=packing.mxfp4_pack)  # fmt: skip
GPT2 = {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 64, "activation_function": "gelu_new", "n_ctx": 64,
        "layer_norm_epsilon": 1e-5}  # fmt: skip
MASKS = {f"h.{i}.attn.bias": torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64).to(torch.uint8) for i in range(2)}
case("gpt2_hub", 70, "gpt2", "GPT2LMHeadModel", GPT2, rename=lambda n: n.removeprefix("transformer."), extra=MASKS, others=(40, 6))
case("gpt2_inverse_layer", 71, "gpt2", "GPT2LMHeadModel", GPT2 | {"scale_attn_by_inverse_layer_idx": True, "n_inner": 80,
     "reorder_and_upcast_attn": True, "activation_function": "relu", "n_layer": 3}, own_config=True)  # fmt: skip
case("gpt2_unscaled_untied", 72, "gpt2", "GPT2LMHeadModel", GPT2 | {"scale_attn_weights": False, "activation_function": "gelu",
     "tie_word_embeddings": False, "layer_norm_epsilon": 1e-3}, mlp_gain=8)  # fmt: skip
PHI = ("phi3", "Phi3ForCausalLM")
LONG = {"type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.7], "long_factor": [1.5, 3.0, 9.0, 20.0]}
PHI3 = SMALL | {"pad_token_id": 0, "original_max_position_embeddings": 64, "max_position_embeddings": 256, "sliding_window": None}
case("phi3_longrope_short", 80, *PHI, PHI3 | {"rope_scaling": LONG, "original_max_position_embeddings": 300,
     "max_position_embeddings": 1200})  # fmt: skip
case("phi3_longrope_long", 81, *PHI, PHI3 | {"original_max_position_embeddings": 16, "rope_scaling": LONG}, prefix_min=17,
     spelling={"rope_scaling": LONG | {"type": "su"}})  # fmt: skip
case("phi3_longrope_crossing", 82, *PHI, PHI3 | {"original_max_position_embeddings": 32, "rope_scaling": LONG,
     "tie_word_embeddings": True}, own_config=True, others=(40, 32, 5))  # fmt: skip
case("phi3_window", 83, *PHI, PHI3 | {"max_position_embeddings": 128, "sliding_window": 6, "num_key_value_heads": 4, "original_max_position_embeddings": 128},
     own_config=True)  # fmt: skip
case("phi4_mini_partial", 84, *PHI, PHI3 | {"partial_rotary_factor": 0.75, "tie_word_embeddings": True, "hidden_size": 64,
     "vocab_size": 64, "original_max_position_embeddings": 20, "sliding_window": 262144, "rope_scaling": {"type": "longrope",
     "short_factor": [1.0, 1.0, 1.1, 1.2, 1.3, 1.4], "long_factor": [1.0, 1.2, 2.0, 8.0, 20.0, 30.0]}}, prefix_min=21)  # fmt: skip

# ---- blocks of GGUF, beyond plain layers: stacked experts and latents. No folder is kept. ----------------------------
case("mixtral_q8_0", 85, "mixtral", "MixtralForCausalLM", MIXTRAL | {"num_experts_per_tok": 2}, before=packing.q8_0_round,
     dtype=torch.float32)  # fmt: skip
case("qwen3_moe_q8_0", 86, "qwen3_moe", "Qwen3MoeForCausalLM", QWEN_MOE | {"moe_intermediate_size": 32, "intermediate_size": 64,
     "head_dim": 8, "norm_topk_prob": True}, before=packing.q8_0_round, dtype=torch.float32)  # fmt: skip
case("deepseek_v3_q8_0", 87, *V3, LATENT | V3_KEYS | GROUPS | {"q_lora_rank": 32, "kv_lora_rank": 32, "qk_nope_head_dim": 32,
     "v_head_dim": 32, "num_hidden_layers": 2, "intermediate_size": 64, "moe_intermediate_size": 32, "num_attention_heads": 2,
     "num_key_value_heads": 2}, before=packing.q8_0_round, dtype=torch.float32)  # fmt: skip

# ---- packed int4 -----------------------------------------------------------------------------------------------------
PACKED = {"hidden_size": 64, "intermediate_size": 128, "vocab_size": 64}
for i, (name, bits) in enumerate({
    "awq_g32": {"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "zero_point": True},
    "awq_whole_rows": {"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm", "zero_point": True,
                       "modules_to_not_convert": ["down_proj"]},
    "gptq_sym": {"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": True, "desc_act": False},
    "gptq_act_order": {"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": False, "desc_act": True},
    "gptq_one_group": {"quant_method": "gptq", "bits": 4, "group_size": -1, "sym": False, "desc_act": False},
    "gptq_v2": {"quant_method": "gptq", "bits": 4, "group_size": 64, "sym": False, "desc_act": False, "checkpoint_format": "gptq_v2"},
}.items()):  # fmt: skip
    kind, cls = (("llama", "LlamaForCausalLM"), ("qwen2", "Qwen2ForCausalLM"))[i % 2]
    packer = packing.Int4(bits, seed=i)
    case(f"{kind}_{name}", 90 + i, kind, cls, SMALL | PACKED | {"quantization_config": bits}, before=packer.round, pack=packer.pack)


def main():
    wanted = sys.argv[1:]
    for name, (config, seed, options) in CASES.items():
        if not wanted or name in wanted:
            causal_case(name, config, seed, **options)
    hf_embeddings.main(wanted)


if __name__ == "__main__":
    main()
