#!/usr/bin/env python3
"""Write data/*/model.gguf with llama.cpp's own converter, from the Hugging Face folders beside them.

The vocabulary is made up (the folders have none). Where the converter needs a config.json that says something else than
the model's (listed in PATCHES), it gets a copy. Matrices in bfloat16, vectors in float32, as the converter does.

usage: make_gguf_forms.py [NAME…]      needs torch, and PYTHONPATH=LLAMA_CPP:LLAMA_CPP/gguf-py, a checkout of llama.cpp
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import gguf
from conversion import get_model_class

DATA = pathlib.Path(__file__).parent / "data"

# What llama.cpp cannot say (other activations, serial or ALiBi Falcons, routers that keep raw probabilities, DeepSeek-V2's
# groups, biases here and there, …) is absent. Phi-3's window is written but not applied there; DeepSeek-V2 without
# q_lora_rank is only read there with the number of layers of V2-Lite.
FORMS = """hf_mistral_no_window hf_mixtral_k3_tied hf_granite_bias_tied hf_granite_defaults hf_olmo2_mha_yarn hf_olmo3 hf_llama_mha_bias hf_qwen2_yarn hf_qwen3_tied hf_qwen3_moe_k4 hf_qwen2_moe hf_deepseek_v2_lite
hf_deepseek_v3_groups_yarn hf_deepseek_v3_raw_probs hf_falcon_mqa_gguf hf_falcon_new_one_norm hf_falcon_new_two_norms
hf_gemma1 hf_gemma2_hub hf_gemma3_text hf_gpt_oss_bf16 hf_gpt_oss_mxfp4
hf_gpt2_hub hf_phi3_longrope_short hf_phi3_longrope_long hf_phi3_window hf_phi4_mini_partial hf_bert_mean_normalized hf_bert_cls
hf_mixtral_q8_0 hf_qwen3_moe_q8_0 hf_deepseek_v3_q8_0""".split()  # fmt: skip

OLD_FORMS = ["hf_mixtral_k3_tied", "hf_deepseek_v2_lite", "hf_deepseek_v3_groups_yarn"]

PATCHES = {"hf_falcon_mqa_gguf": {"num_kv_heads": 1}, "hf_phi3_longrope_long": {"rope_theta": 10000.0}}


def made_up_vocabulary(self):
    n = self.hparams["vocab_size"]
    if self.model_arch == gguf.MODEL_ARCH.BERT:
        self.gguf_writer.add_tokenizer_model("bert")
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"\u2581w{i}" for i in range(5, n)]
        self.gguf_writer.add_token_type_count(self.hparams.get("type_vocab_size", 1))
    else:
        self.gguf_writer.add_tokenizer_model("gpt2")
        tokens = ["<pad>", "<s>", "</s>", "\u010a", "\u0120"] + [f"w{i}" for i in range(5, n)]
        self.gguf_writer.add_token_merges(["w 5"])
        self.gguf_writer.add_bos_token_id(1)
        self.gguf_writer.add_eos_token_id(2)
    self.gguf_writer.add_tokenizer_pre("default")
    self.gguf_writer.add_token_list(tokens)
    types = [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (n - 3)
    self.gguf_writer.add_token_types(types)


def copy_for_converter(name, folder):
    """The case without the buffers of old GPT-2 files, and with a tokenizer.json, which Gemma's converter counts."""
    source = DATA / name
    for file in source.rglob("*"):
        if file.is_file() and file.suffix in (".json", ".safetensors") and file.name not in ("expected.safetensors", "case.json"):
            target = folder / file.relative_to(source)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text()) | PATCHES.get(name, {})
    (folder / "config.json").write_text(json.dumps(config))
    vocabulary = {f"w{i}": i for i in range(config["vocab_size"])}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}, "added_tokens": []}))
    tensors = load_file(folder / "model.safetensors")
    tensors = {n: x for n, x in tensors.items() if not n.endswith(".attn.bias")}
    save_file(tensors, folder / "model.safetensors")
    return config


def convert(name, out, kind=gguf.LlamaFileType.MOSTLY_BF16):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "tiny"
        folder.mkdir()
        config = copy_for_converter(name, folder)
        with torch.inference_mode():
            base = get_model_class(config["architectures"][0])
            cls = type(base.__name__, (base,), {"set_vocab": made_up_vocabulary, "model_arch": base.model_arch})
            cls(folder, kind, out, eager=True, model_name="tiny").write()


def rewrite(source, out, change_fields, change_tensors):
    """A copy of a GGUF file with other fields and tensors: functions from dictionaries to dictionaries."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(out, reader.fields["general.architecture"].contents())
    fields = {f.name: (f.contents(), *f.types) for f in reader.fields.values()
              if not f.name.startswith("GGUF.") and f.name != "general.architecture"}  # fmt: skip
    for name, (value, kind, *sub) in change_fields(fields).items():
        writer.add_key_value(name, value, kind, sub[-1] if sub else None)
    tensors = {t.name: (np.asarray(t.data), t.tensor_type) for t in reader.tensors}
    for name, (data, kind) in change_tensors(tensors).items():
        writer.add_tensor(name, np.ascontiguousarray(data), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def experts_one_by_one(tensors):
    """Mixtral as converters of 2023 wrote it: a tensor for each expert."""
    out = {}
    for name, (data, kind) in tensors.items():
        if "_exps." not in name:
            out[name] = data, kind
            continue
        for i, expert in enumerate(data):
            out[name.replace("_exps.weight", f".{i}.weight")] = expert, kind
    return out


def latents_joined(config):
    """DeepSeek as converters wrote it before the absorbed attention: attn_kv_b whole, the heads' own sizes."""
    heads, latent = config["num_attention_heads"], config["kv_lora_rank"]
    nope, value = config["qk_nope_head_dim"], config["v_head_dim"]
    u32 = gguf.GGUFValueType.UINT32

    def fields(old):
        new = {k: v for k, v in old.items() if not k.endswith(("_length_mla", ".key_length", ".value_length", ".head_count_kv"))}
        prefix = "deepseek2.attention."
        return new | {prefix + "head_count_kv": (heads, u32), prefix + "key_length": (nope + config["qk_rope_head_dim"], u32),
                      prefix + "value_length": (value, u32)}  # fmt: skip

    def tensors(old):
        out = {}
        for name, (data, kind) in old.items():
            if "attn_v_b" in name:
                continue
            if "attn_k_b" not in name:
                out[name] = data, kind
                continue
            k = data.view("<u2").reshape(heads, latent, nope).transpose(0, 2, 1)
            v = old[name.replace("attn_k_b", "attn_v_b")][0].view("<u2").reshape(heads, value, latent)
            joined = np.ascontiguousarray(np.concatenate([k, v], 1).reshape(-1, latent)).view(np.uint8)
            out[name.replace("attn_k_b", "attn_kv_b")] = joined, kind
        return out

    return fields, tensors


def convert_old(name):
    folder = DATA / name
    source, out = folder / "model.gguf", folder / "model_old.gguf"
    if name.startswith("hf_mixtral"):
        rewrite(source, out, dict, experts_one_by_one)
    else:
        rewrite(source, out, *latents_joined(json.loads((folder / "config.json").read_text())))


def main():
    import logging

    logging.disable(logging.WARNING)
    for name in sys.argv[1:] or FORMS:
        out = DATA / name / "model.gguf"
        blocks = name.endswith("q8_0")
        convert(name, out, gguf.LlamaFileType.MOSTLY_Q8_0 if blocks else gguf.LlamaFileType.MOSTLY_BF16)
        if blocks:
            (DATA / name / "config.json").unlink()
            (DATA / name / "model.safetensors").unlink()
        if name in OLD_FORMS:
            convert_old(name)
        print(f"{name}: {out.stat().st_size // 1024} KiB", flush=True)


if __name__ == "__main__":
    main()
