"""BERT encoders with pooling, in the folders that sentence-transformers writes. Computed by transformers; the pooling
is the one that the modules of the folder declare."""
import json

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

from hf_oracle import DATA, build, randomise, saved_tensors, write_case, write_config

BERT = {"architectures": ["BertModel"], "model_type": "bert", "vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 48, "hidden_act": "gelu", "max_position_embeddings": 64,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute"}  # fmt: skip


def pool(hidden, mode):
    if mode == "cls":
        return hidden[0]
    return hidden.max(0).values if mode == "max" else hidden.mean(0)


def embedding_case(name, config, seed, mode="mean", normalize=True, modules=True, prefix=""):
    folder = DATA / f"hf_{name}"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if file.is_file() and file.suffix != ".gguf":
            file.unlink()
    config = BERT | config
    model = randomise(build(folder, config, transformers.AutoModel, add_pooling_layer=True), seed)
    rng = np.random.default_rng(seed)
    lists = [rng.integers(5, config["vocab_size"], n) for n in (24, 1, 7, config["max_position_embeddings"], 16)]
    expected, all_embeddings = {}, []
    with torch.no_grad():
        for i, ids in enumerate(lists):
            hidden = model(torch.tensor(ids)[None]).last_hidden_state[0]
            embedding = pool(hidden, mode)
            if normalize:
                embedding = torch.nn.functional.normalize(embedding, dim=0)
            suffix = "" if i == 0 else f".{i}"
            expected["input_ids" + suffix] = torch.tensor(ids, dtype=torch.int64)
            expected["embedding" + suffix] = embedding
            all_embeddings.append(embedding)
    tensors = saved_tensors(model, folder)
    write_config(folder, config)
    tensors = {prefix + n: x.contiguous() for n, x in tensors.items()}
    tensors[prefix + "embeddings.position_ids"] = torch.arange(config["max_position_embeddings"])[None]
    if prefix:  # as bert-base-uncased
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for name in list(tensors):
            for new, spelling in old.items():
                if name.endswith(new):
                    tensors[name.removesuffix(new) + spelling] = tensors.pop(name)
        tensors["cls.predictions.bias"] = torch.zeros(config["vocab_size"], dtype=torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if modules:
        kinds = ["Transformer", "Pooling"] + (["Normalize"] if normalize else [])
        paths = ["", "1_Pooling", "2_Normalize"]
        (folder / "modules.json").write_text(json.dumps([
            {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{kind}"}
            for i, kind in enumerate(kinds)], indent=1))  # fmt: skip
        (folder / "1_Pooling").mkdir(exist_ok=True)
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({
            "word_embedding_dimension": config["hidden_size"], "pooling_mode_cls_token": mode == "cls",
            "pooling_mode_mean_tokens": mode == "mean", "pooling_mode_max_tokens": mode == "max",
            "pooling_mode_mean_sqrt_len_tokens": False}, indent=1))  # fmt: skip
    spread = float(torch.stack(all_embeddings).std())
    write_case(folder, model, expected, seed, pooling=mode, normalized=normalize, embedding_std=spread)
    print(f"{folder.name}: spread {spread:.3f}", flush=True)


CASES = {
    "bert_mean_normalized": ({}, 100, {}),
    "bert_cls": ({"hidden_act": "gelu_new", "type_vocab_size": 1, "layer_norm_eps": 1e-5}, 101, {"mode": "cls", "normalize": False}),
    "bert_mean_raw_relu": ({"hidden_act": "relu", "num_hidden_layers": 3, "intermediate_size": 64}, 102, {"normalize": False}),
    "bert_no_modules": ({"architectures": ["BertForMaskedLM"]}, 103, {"modules": False, "prefix": "bert.", "normalize": False}),
}


def main(wanted):
    for name, (config, seed, options) in CASES.items():
        if not wanted or name in wanted:
            embedding_case(name, config, seed, **options)
