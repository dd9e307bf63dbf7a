#!/usr/bin/env python3
"""Write long/*: two layers of each kind of attention over 4,096 tokens, computed by transformers in float32, whole.

The tokens are the same for all (long/input_ids.safetensors); of the logits some rows are kept: around the borders of
windows and of the contexts that rotations were scaled from, and the last.

usage: make_long.py [NAME…]        needs what make_hf_variants.py needs, and some 4 GiB
"""
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file

from hf_oracle import build, logits_of, randomise, saved_tensors, write_case, write_config

LONG = pathlib.Path(__file__).parent / "long"
N_TOKENS, VOCAB = 4096, 64
CASES = {}


def case(name, seed, model_type, cls, config, borders=(), prefix_min=1, **random):
    base = {"architectures": [cls], "model_type": model_type, "vocab_size": VOCAB, "bos_token_id": 1, "eos_token_id": 2}
    CASES[name] = base | config, seed, borders, prefix_min, random


SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 4096}  # fmt: skip
LLAMA = ("llama", "LlamaForCausalLM")
case("grouped", 1, *LLAMA, SMALL | {"rope_theta": 500000.0})
case("one_kv_head", 2, *LLAMA, SMALL | {"num_key_value_heads": 1, "head_dim": 16})
case("qk_norm", 3, "qwen3", "Qwen3ForCausalLM", SMALL | {"head_dim": 16, "rope_theta": 1e6})
case("window", 4, "mistral", "MistralForCausalLM", SMALL | {"sliding_window": 300}, borders=(300, 600))
case("windows_by_layer_capped", 5, "gemma2", "Gemma2ForCausalLM", SMALL | {"head_dim": 12, "sliding_window": 777,
     "query_pre_attn_scalar": 12, "attn_logit_softcapping": 6.0, "final_logit_softcapping": 9.0,
     "hidden_activation": "gelu_pytorch_tanh"}, borders=(777,), zero_centred_norms=True, embed=0.2)  # fmt: skip
case("two_rotations", 6, "gemma3_text", "Gemma3ForCausalLM", SMALL | {"head_dim": 12, "sliding_window": 512,
     "sliding_window_pattern": 2, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "query_pre_attn_scalar": 12,
     "rope_scaling": {"rope_type": "linear", "factor": 8.0}}, borders=(512,), zero_centred_norms=True, embed=0.2)  # fmt: skip
case("sinks_window_yarn", 7, "gpt_oss", "GptOssForCausalLM", SMALL | {"head_dim": 8, "intermediate_size": 32,
     "num_local_experts": 2, "num_experts_per_tok": 1, "sliding_window": 128, "rope_theta": 150000, "rope_scaling": {
     "rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 1024, "beta_fast": 32.0, "beta_slow": 1.0,
     "truncate": False}}, borders=(128, 1024))  # fmt: skip
LATENT = {"hidden_size": 32, "intermediate_size": 48, "moe_intermediate_size": 16, "num_hidden_layers": 2, "kv_lora_rank": 20,
          "num_attention_heads": 4, "num_key_value_heads": 4, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8, "v_head_dim": 10,
          "n_routed_experts": 4, "num_experts_per_tok": 1, "n_shared_experts": 1, "first_k_dense_replace": 2,
          "max_position_embeddings": 4096, "n_group": 1, "topk_group": 1}  # fmt: skip
case("latent_yarn", 8, "deepseek_v2", "DeepseekV2ForCausalLM", LATENT | {"q_lora_rank": None, "topk_method": "greedy",
     "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 512, "beta_fast": 32, "beta_slow": 1,
     "mscale": 0.707, "mscale_all_dim": 0.707}}, borders=(512,))  # fmt: skip
case("latent_low_rank_queries", 9, "deepseek_v3", "DeepseekV3ForCausalLM", LATENT | {"q_lora_rank": 24, "norm_topk_prob": True})
FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "bias": False}
case("alibi", 10, "falcon", "FalconForCausalLM", FALCON | {"alibi": True, "bias": True, "multi_query": False,
     "parallel_attn": False}, borders=(256, 512, 1024, 2048))  # fmt: skip
case("falcon_one_kv_head", 11, "falcon", "FalconForCausalLM", FALCON | {"multi_query": True, "max_position_embeddings": 4096})
case("yarn", 12, *LLAMA, SMALL | {"rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 512}},
     borders=(512,))  # fmt: skip
case("llama3", 13, *LLAMA, SMALL | {"head_dim": 16, "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
     "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 1024}}, borders=(1024,))  # fmt: skip
case("linear", 14, *LLAMA, SMALL | {"rope_scaling": {"rope_type": "linear", "factor": 4.0}})
case("dynamic", 15, *LLAMA, SMALL | {"max_position_embeddings": 1500, "rope_scaling": {"rope_type": "dynamic", "factor": 4.0}},
     borders=(1500,), prefix_min=N_TOKENS)  # fmt: skip
PHI3 = SMALL | {"pad_token_id": 0, "original_max_position_embeddings": 2000, "sliding_window": None}
case("longrope", 16, "phi3", "Phi3ForCausalLM", PHI3 | {"rope_scaling": {"type": "longrope",
     "short_factor": [1.0, 1.1, 1.3, 1.7], "long_factor": [1.2, 3.0, 9.0, 20.0]}}, borders=(2000,), prefix_min=2001)  # fmt: skip
case("longrope_not_reached", 17, "phi3", "Phi3ForCausalLM", PHI3 | {"original_max_position_embeddings": 4096,
     "max_position_embeddings": 16384, "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.7],
     "long_factor": [1.2, 3.0, 9.0, 20.0]}})  # fmt: skip
case("partial_rotary", 18, "phi3", "Phi3ForCausalLM", PHI3 | {"hidden_size": 64, "partial_rotary_factor": 0.5,
     "rope_theta": 20000.0, "sliding_window": 1000}, borders=(1000,))  # fmt: skip
case("learned_positions", 19, "gpt2", "GPT2LMHeadModel", {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 4096,
     "activation_function": "gelu_new"})  # fmt: skip
case("windows_by_layer_yarn", 20, "olmo3", "Olmo3ForCausalLM", SMALL | {"sliding_window": 100, "layer_types": [
     "sliding_attention", "full_attention"], "rope_theta": 500000, "rope_scaling": {"rope_type": "yarn", "factor": 8.0,
     "original_max_position_embeddings": 512}}, borders=(100, 512))  # fmt: skip


def rows_of(borders):
    rows = {0, 1, 6, 7, 15, 16, 511, 512, 513, 1023, 1024, 2047, 2048, 3500, N_TOKENS - 2, N_TOKENS - 1}
    for border in borders:
        rows |= {border + d for d in (-2, -1, 0, 1, 2)}
    return sorted(r for r in rows if r < N_TOKENS)


def main():
    LONG.mkdir(exist_ok=True)
    ids = np.random.default_rng(4096).integers(3, VOCAB, N_TOKENS)
    save_file({"input_ids": torch.tensor(ids, dtype=torch.int64)}, LONG / "input_ids.safetensors")
    for name, (config, seed, borders, prefix_min, random) in CASES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        folder = LONG / name
        folder.mkdir(exist_ok=True)
        for file in folder.iterdir():
            file.unlink()
        model = randomise(build(folder, config), seed, **random)
        logits = logits_of(model, ids)
        assert torch.isfinite(logits).all()
        rows = rows_of(borders)
        tensors = saved_tensors(model, folder)
        write_config(folder, config)
        save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
        expected = {"rows": torch.tensor(rows, dtype=torch.int64), "logits": logits[rows]}
        write_case(folder, model, expected, seed, logits, prefix_min=prefix_min)
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"long/{name}: {size // 1024} KiB, spread {logits.std():.2f}", flush=True)


main()
