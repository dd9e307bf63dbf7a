#!/usr/bin/env python3
"""Write data/variant_*: more models of the Llama family than the goldens show, and what they compute.

An implementation of its own (numpy, float64), which shares nothing with the engine. Before it writes anything it
reproduces the goldens that Hugging Face transformers computed (data/llama and so on), so that it is itself checked.
Each variant is a Hugging Face folder, a GGUF file, or both; expected.safetensors and case.json as in the goldens.

usage: make_variants.py        needs numpy alone; takes some seconds
"""
import json
import math
import pathlib
import struct

import numpy as np

DATA = pathlib.Path(__file__).parent / "data"
GOLDENS = ["llama", "llama3_rope", "mistral_window", "qwen2", "qwen3"]
F32 = np.float32


# ---- safetensors -----------------------------------------------------------------------------------------------------


def bf16_bits(x):
    u = x.astype("<f4").view("<u4")
    return ((u + 0x7FFF + ((u >> 16) & 1)) >> 16).astype("<u2")


def from_bf16(bits):
    return (bits.astype("<u4") << 16).view("<f4")


def load_safetensors(path):
    raw = path.read_bytes()
    (n,) = struct.unpack("<Q", raw[:8])
    kinds = {"F32": "<f4", "I64": "<i8", "F16": "<f2"}
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + n]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            data = raw[8 + n + begin : 8 + n + end]
            tensors[name] = np.frombuffer(data, kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def save_safetensors(path, tensors, kind=None):
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, x in tensors.items():
        if x.dtype == np.int64:
            dtype, blob = "I64", x.astype("<i8").tobytes()
        elif kind == "bf16":
            dtype, blob = "BF16", bf16_bits(x).tobytes()
        elif kind == "f16":
            dtype, blob = "F16", x.astype("<f2").tobytes()
        else:
            dtype, blob = "F32", x.astype("<f4").tobytes()
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


# ---- the model: config.json in, logits out ---------------------------------------------------------------------------


def shape_of(config):
    """Sizes and switches of config.json, defaults filled in."""
    kind, heads = config["model_type"], config["num_attention_heads"]
    rope = dict(config.get("rope_scaling") or config.get("rope_parameters") or {})
    rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    rope.setdefault("rope_type", rope.get("type", "default"))
    rope.setdefault("original_max_position_embeddings", config["max_position_embeddings"])
    if "original_max_position_embeddings" in config:
        rope["original_max_position_embeddings"] = config["original_max_position_embeddings"]
    layers = config["num_hidden_layers"]
    windows = [0] * layers
    if kind == "mistral":
        windows = [config.get("sliding_window") or 0] * layers
    elif kind in ("qwen2", "qwen3") and config.get("use_sliding_window"):
        types = config.get("layer_types") or [
            "sliding_attention" if i >= config["max_window_layers"] else "full_attention" for i in range(layers)
        ]
        windows = [config["sliding_window"] if t == "sliding_attention" else 0 for t in types]
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    return dict(
        layers=layers, hidden=config["hidden_size"], heads=heads, head_dim=head_dim, windows=windows, rope=rope,
        kv_heads=config.get("num_key_value_heads") or heads, eps=config["rms_norm_eps"], context=config["max_position_embeddings"],
        act=config.get("hidden_act", "silu"), tied=config.get("tie_word_embeddings", False),
        n_rot=config.get("n_rot", head_dim), interleaved=config.get("interleaved", False),
    )


def yarn_mscale(factor, mscale=1.0):
    return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1.0


def yarn(rope, n, periods):
    theta, original, factor = rope["rope_theta"], rope["original_max_position_embeddings"], rope["factor"]

    def index(rotations):  # the frequency that turns so often within the original context
        return n * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(theta))

    low, high = index(rope.get("beta_fast") or 32), index(rope.get("beta_slow") or 1)
    if rope.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, n - 1)
    high += 0.001 if low == high else 0
    ramp = np.clip((np.arange(n // 2, dtype=F32) - F32(low)) / F32(high - low), 0, 1)
    freqs = ramp / (F32(factor) * periods) + (1 - ramp) / periods
    scale = rope.get("attention_factor")
    if scale is None and rope.get("mscale") and rope.get("mscale_all_dim"):
        scale = yarn_mscale(factor, rope["mscale"]) / yarn_mscale(factor, rope["mscale_all_dim"])
    return freqs, yarn_mscale(factor) if scale is None else scale


def frequencies(model):
    """inv_freq [n_rot / 2] and the factor of cos and sin."""
    rope, n = model["rope"], model["n_rot"]
    periods = (float(F32(rope["rope_theta"])) ** (np.arange(0, n, 2, dtype=F32) / F32(n)).astype(float)).astype(F32)
    freqs = F32(1) / periods
    kind = rope["rope_type"]
    if kind == "yarn":
        return yarn(rope, n, periods)
    if kind == "linear":
        return freqs / F32(rope["factor"]), 1.0
    if kind == "llama3":
        original, factor = rope["original_max_position_embeddings"], F32(rope["factor"])
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        wave = F32(2 * math.pi) / freqs
        smooth = (F32(original) / wave - F32(low)) / F32(high - low)
        between = (1 - smooth) * freqs / factor + smooth * freqs
        scaled = np.where(wave > original / low, freqs / factor, freqs)
        return np.where((wave >= original / high) & (wave <= original / low), between, scaled).astype(F32), 1.0
    assert kind in ("default", "dynamic"), kind
    return freqs, 1.0


def rotate(x, model, freqs, scale):  # x [tokens, heads, head_dim]
    angle = (np.arange(len(x), dtype=F32)[:, None] * freqs.astype(F32)).astype(float)[:, None, :]
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    n, y = model["n_rot"], x.copy()
    first, second = (slice(0, n, 2), slice(1, n, 2)) if model["interleaved"] else (slice(0, n // 2), slice(n // 2, n))
    a, b = x[..., first], x[..., second]
    y[..., first], y[..., second] = a * cos - b * sin, a * sin + b * cos
    return y


ERF = np.vectorize(math.erf)
ACTIVATIONS = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: 0.5 * x * (1 + ERF(x / math.sqrt(2))),
    "gelu_pytorch_tanh": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
}


def rms_norm(x, weight, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def attend(q, k, v, window):  # [tokens, heads, head_dim], all with as many heads
    t = np.arange(len(q))
    visible = t[None, :] <= t[:, None]
    if window:
        visible &= t[None, :] > t[:, None] - window
    scores = np.einsum("thd,shd->hts", q, k) / math.sqrt(q.shape[-1])
    scores = np.where(visible, scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("hts,shd->thd", p / p.sum(-1, keepdims=True), v)


def logits_of(model, weights, ids):
    w = {name: x.astype(float) for name, x in weights.items()}
    freqs, scale = frequencies(model)

    def linear(x, name):
        return x @ w[name + ".weight"].T + w.get(name + ".bias", 0.0)

    def heads(x, name, n):
        x = linear(x, name).reshape(len(x), n, -1)
        norm = w.get(name.replace("_proj", "_norm") + ".weight")
        return x if norm is None else rms_norm(x, norm, model["eps"])

    x = w["model.embed_tokens.weight"][ids]
    for i in range(model["layers"]):
        layer, eps = f"model.layers.{i}.", model["eps"]
        n = rms_norm(x, w[layer + "input_layernorm.weight"], eps)
        q = rotate(heads(n, layer + "self_attn.q_proj", model["heads"]), model, freqs, scale)
        k = rotate(heads(n, layer + "self_attn.k_proj", model["kv_heads"]), model, freqs, scale)
        v = heads(n, layer + "self_attn.v_proj", model["kv_heads"])
        share = model["heads"] // model["kv_heads"]
        y = attend(q, np.repeat(k, share, 1), np.repeat(v, share, 1), model["windows"][i])
        x = x + linear(y.reshape(len(x), -1), layer + "self_attn.o_proj")
        n = rms_norm(x, w[layer + "post_attention_layernorm.weight"], eps)
        gate = ACTIVATIONS[model["act"]](linear(n, layer + "mlp.gate_proj"))
        x = x + linear(gate * linear(n, layer + "mlp.up_proj"), layer + "mlp.down_proj")
    head = w["model.embed_tokens.weight" if model["tied"] else "lm_head.weight"]
    return rms_norm(x, w["model.norm.weight"], model["eps"]) @ head.T


def run(model, weights, ids, steps=24):
    """Logits of `ids`, the greedy continuation, and the smallest gap between its best two logits."""
    logits, all_ids, margin = logits_of(model, weights, ids), list(ids), math.inf
    last = logits[-1]
    for _ in range(steps):
        best = np.sort(last)[-2:]
        margin = min(margin, best[1] - best[0])
        all_ids.append(int(last.argmax()))
        last = logits_of(model, weights, np.array(all_ids))[-1]
    return logits, np.array(all_ids[len(ids) :]), float(margin)


def check_against_goldens():
    for name in GOLDENS:
        model = shape_of(json.loads((DATA / name / "config.json").read_text()))
        want = load_safetensors(DATA / name / "expected.safetensors")
        weights = load_safetensors(DATA / name / "model.safetensors")
        logits, greedy, _ = run(model, weights, want["input_ids"])
        worst = np.abs(logits - want["logits"]).max() / want["logits"].std()
        assert worst < 5e-5 and (greedy == want["greedy"]).all(), (name, worst)
        print(f"{name}: within {worst:.1e} of the spread")


# ---- GGUF ------------------------------------------------------------------------------------------------------------


def quantise(x, kind):
    """Blocks of 32 as GGUF stores them, and the values they stand for."""
    b = x.astype(F32).reshape(-1, 32)
    if kind == "q8_0":
        d = (np.abs(b).max(1, keepdims=True) / 127).astype("<f2")
        q = np.clip(np.rint(b / np.maximum(d.astype(F32), 1e-12)), -127, 127).astype("i1")
        return np.hstack([d.view("u1"), q.view("u1")]).tobytes(), (q * d.astype(F32)).reshape(x.shape)
    if kind == "q4_0":
        d = (np.take_along_axis(b, np.abs(b).argmax(1)[:, None], 1) / -8).astype("<f2")
        q = np.clip(np.rint(b / np.where(d == 0, 1, d.astype(F32))) + 8, 0, 15).astype("u1")
        values = (q.astype(F32) - 8) * d.astype(F32)
        return np.hstack([d.view("u1"), q[:, :16] | q[:, 16:] << 4]).tobytes(), values.reshape(x.shape)
    low = b.min(1, keepdims=True).astype("<f2")
    d = ((b.max(1, keepdims=True) - low) / 15).astype("<f2")
    q = np.clip(np.rint((b - low) / np.maximum(d.astype(F32), 1e-12)), 0, 15).astype("u1")
    values = q * d.astype(F32) + low.astype(F32)
    return np.hstack([d.view("u1"), low.view("u1"), q[:, :16] | q[:, 16:] << 4]).tobytes(), values.reshape(x.shape)


def gguf_string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_entry(key, value):
    if isinstance(value, str):
        return gguf_string(key) + struct.pack("<I", 8) + gguf_string(value)
    if isinstance(value, float):
        return gguf_string(key) + struct.pack("<If", 6, value)
    return gguf_string(key) + struct.pack("<II", 4, value)


GGUF_NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
GGUF_TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
            "lm_head.weight": "output.weight"}  # fmt: skip


def gguf_name(name):
    if name in GGUF_TOP:
        return GGUF_TOP[name]
    _, _, i, rest = name.split(".", 3)
    stem, end = rest.rsplit(".", 1)
    return f"blk.{i}.{GGUF_NAMES[stem]}.{end}"


def neighbours(x, heads):
    """llama.cpp's order of q's and k's rows: the pairs (i, i + half) of each head become neighbours."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(x.shape)


def gguf_tensors(architecture, model, weights):
    out = {}
    for name, x in weights.items():
        if architecture == "llama" and not model["interleaved"]:
            if "self_attn.q_proj" in name:
                x = neighbours(x, model["heads"])
            if "self_attn.k_proj" in name:
                x = neighbours(x, model["kv_heads"])
        out[gguf_name(name)] = x
    return out


def gguf_metadata(architecture, model, weights):
    rope, out = model["rope"], {}
    out["block_count"], out["context_length"] = model["layers"], model["context"]
    out["embedding_length"] = model["hidden"]
    out["feed_forward_length"] = len(weights["model.layers.0.mlp.up_proj.weight"])
    out["attention.head_count"], out["attention.head_count_kv"] = model["heads"], model["kv_heads"]
    out["attention.key_length"] = out["attention.value_length"] = model["head_dim"]
    out["attention.layer_norm_rms_epsilon"] = float(model["eps"])
    out["rope.dimension_count"], out["rope.freq_base"] = model["n_rot"], float(rope["rope_theta"])
    out["vocab_size"] = len(weights["model.embed_tokens.weight"])
    if rope["rope_type"] in ("yarn", "linear"):
        out["rope.scaling.type"], out["rope.scaling.factor"] = rope["rope_type"], float(rope["factor"])
        out["rope.scaling.original_context_length"] = rope["original_max_position_embeddings"]
    return {"general.architecture": architecture} | {f"{architecture}.{key}": value for key, value in out.items()}


def save_gguf(path, architecture, model, weights, kinds):
    """kinds(name): the type of a matrix, by its GGUF name."""
    tensors = gguf_tensors(architecture, model, weights)
    if model["rope"]["rope_type"] == "llama3":  # as divisors of the frequencies
        plain = frequencies(model | {"rope": model["rope"] | {"rope_type": "default"}})[0]
        tensors["rope_freqs.weight"] = (plain / frequencies(model)[0]).astype(F32)
    numbers = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q8_0": 8}
    head, infos, data = b"", b"", b""
    metadata = gguf_metadata(architecture, model, weights)
    for key, value in metadata.items():
        head += gguf_entry(key, value)
    for name, x in tensors.items():
        kind = kinds(name) if x.ndim == 2 else "f32"
        blob = x.astype({"f32": "<f4", "f16": "<f2"}[kind]).tobytes() if kind in ("f32", "f16") else quantise(x, kind)[0]
        infos += gguf_string(name) + struct.pack(f"<I{x.ndim}Q", x.ndim, *reversed(x.shape))
        infos += struct.pack("<IQ", numbers[kind], len(data))
        data += blob + b"\0" * (-len(blob) % 32)
    front = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + head + infos
    path.write_bytes(front + b"\0" * (-len(front) % 32) + data)


# ---- the variants ----------------------------------------------------------------------------------------------------


def random_weights(config, seed, biases=()):
    model, rng, out = shape_of(config), np.random.default_rng(seed), {}
    hidden, ffn, vocab = model["hidden"], config["intermediate_size"], config["vocab_size"]
    n_q, n_kv = model["heads"] * model["head_dim"], model["kv_heads"] * model["head_dim"]

    def matrix(name, rows, columns, gain=1.0):
        out[name + ".weight"] = (rng.standard_normal((rows, columns)) * gain / math.sqrt(columns)).astype(F32)
        if name.rsplit(".", 1)[-1] in biases:
            out[name + ".bias"] = (rng.standard_normal(rows) * 0.5).astype(F32)

    def norm(name, size):
        out[name + ".weight"] = (1 + 0.3 * rng.standard_normal(size)).astype(F32)

    matrix("model.embed_tokens", vocab, hidden, math.sqrt(hidden) * 0.5)
    for i in range(model["layers"]):
        layer = f"model.layers.{i}."
        norm(layer + "input_layernorm", hidden)
        matrix(layer + "self_attn.q_proj", n_q, hidden, 2.0)
        matrix(layer + "self_attn.k_proj", n_kv, hidden, 2.0)
        matrix(layer + "self_attn.v_proj", n_kv, hidden)
        matrix(layer + "self_attn.o_proj", hidden, n_q)
        if config["model_type"] == "qwen3":
            norm(layer + "self_attn.q_norm", model["head_dim"])
            norm(layer + "self_attn.k_norm", model["head_dim"])
        norm(layer + "post_attention_layernorm", hidden)
        matrix(layer + "mlp.gate_proj", ffn, hidden)
        matrix(layer + "mlp.up_proj", ffn, hidden)
        matrix(layer + "mlp.down_proj", hidden, ffn)
    norm("model.norm", hidden)
    if not model["tied"]:
        matrix("lm_head", vocab, hidden, 2.0)
    return out


def save_expected(folder, config, weights, seed):
    model = shape_of(config)
    ids = np.random.default_rng(seed + 1000).integers(3, config["vocab_size"], 24)
    logits, greedy, margin = run(model, weights, ids)
    save_safetensors(folder / "expected.safetensors", {"input_ids": ids, "logits": logits, "greedy": greedy})
    case = {"architecture": config["model_type"], "oracle": "make_variants.py", "seed": seed, "greedy_margin_min": margin,
            "logits_std": float(logits.std()), "logits_absmax": float(np.abs(logits).max())}  # fmt: skip
    (folder / "case.json").write_text(json.dumps(case, indent=1))
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder.name}: {size // 1024} KiB, spread {logits.std():.2f}, greedy margin {margin:.3f}")


def save_folder(folder, config, weights, kind, shards):
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if shards == 1:
        save_safetensors(folder / "model.safetensors", weights, kind)
        return
    index, names = {}, list(weights)
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = names[i * len(names) // shards : (i + 1) * len(names) // shards]
        save_safetensors(folder / file, {name: weights[name] for name in part}, kind)
        index |= {name: file for name in part}
    text = json.dumps({"metadata": {"total_size": 0}, "weight_map": index}, indent=1)
    (folder / "model.safetensors.index.json").write_text(text)


def variant(name, config, seed, biases=(), kind=None, shards=1, gguf=None, hf=True):
    """kind: bf16 or f16 weights. gguf: the architecture name of a GGUF export. hf: whether there is a folder."""
    weights = stored = random_weights(config, seed, biases)
    if kind == "bf16":
        weights = {n: from_bf16(bf16_bits(x)) for n, x in stored.items()}
    elif kind == "f16":
        weights = {n: x.astype("<f2").astype(F32) for n, x in stored.items()}
    elif kind is not None:  # kind(name): the block format of a matrix, by its GGUF name
        weights = {n: quantise(x, kind(gguf_name(n)))[1] if x.ndim == 2 else x for n, x in stored.items()}
    blocks = callable(kind)
    folder = DATA / f"variant_{name}"
    folder.mkdir(exist_ok=True)
    if hf:
        save_folder(folder, config, weights, kind, shards)
    if gguf:
        save_gguf(folder / "model.gguf", gguf, shape_of(config), stored if blocks else weights,
                  kind if blocks else lambda _: kind or "f32")
    save_expected(folder, config, weights, seed)


def base(model_type, **changes):
    classes = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}
    config = {"architectures": [classes[model_type] + "ForCausalLM"], "model_type": model_type, "hidden_size": 32,
              "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64,
              "vocab_size": 256, "rms_norm_eps": 1e-5, "max_position_embeddings": 128, "hidden_act": "silu",
              "tie_word_embeddings": False, "eos_token_id": 2}  # fmt: skip
    config.update(changes)
    return {key: value for key, value in config.items() if value != "missing"}


def main():
    check_against_goldens()
    yarn_plain = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16}
    # Heads wider than hidden / n_heads; positions beyond the original context.
    variant("llama_yarn", base("llama", head_dim=16, max_position_embeddings=64, rope_parameters=yarn_plain), 1, gguf="llama")
    yarn_all = yarn_plain | {"mscale": 1.0, "mscale_all_dim": 0.6, "beta_fast": 16.0, "beta_slow": 2, "truncate": False}
    variant("llama_yarn_mscale", base("llama", hidden_size=48, tie_word_embeddings=True, rope_parameters=yarn_all), 2)
    # The older spelling, without kv heads and head_dim; a bias on everything.
    variant("llama_bias_linear", base("llama", num_key_value_heads="missing", attention_bias=True, mlp_bias=True,
            rope_theta=5000, rope_scaling={"type": "linear", "factor": 2.0}, torch_dtype="float32"), 3, gguf="llama",
            biases=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"))  # fmt: skip
    llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 32}  # fmt: skip
    variant("llama3_f16", base("llama", num_attention_heads=8, head_dim=8, num_key_value_heads=2, rope_theta=500.0,
            rope_scaling=llama3), 4, kind="f16", gguf="llama")  # fmt: skip
    variant("llama_dynamic_bf16", base("llama", hidden_size=40, num_attention_heads=5, num_key_value_heads=5, hidden_act="gelu",
            rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}), 5, kind="bf16", shards=2)  # fmt: skip
    variant("mistral_mqa", base("mistral", num_key_value_heads=1, head_dim=24, sliding_window=5, num_attention_heads=3,
            hidden_size=56, hidden_act="gelu_pytorch_tanh"), 16)  # fmt: skip
    qkv = ("q_proj", "k_proj", "v_proj")
    variant("qwen2_window", base("qwen2", num_hidden_layers=3, use_sliding_window=True, sliding_window=6,
            max_window_layers=1, rope_theta=1000000.0), 7, biases=qkv)  # fmt: skip
    variant("qwen2_gguf", base("qwen2", num_key_value_heads=1, tie_word_embeddings=True), 8, biases=qkv, gguf="qwen2")
    variant("qwen3_mixed", base("qwen3", num_hidden_layers=3, head_dim=20, attention_bias=True, tie_word_embeddings=True,
            use_sliding_window=True, sliding_window=4, num_key_value_heads=4, rope_parameters={"rope_type": "default",
            "rope_theta": 100.0}, layer_types=["sliding_attention", "full_attention", "sliding_attention"]), 9,
            biases=qkv + ("o_proj",))  # fmt: skip
    variant("qwen3_gguf", base("qwen3", head_dim=12, num_attention_heads=6, num_key_value_heads=3), 10, gguf="qwen3")
    # GGUF alone: rotation of a part of each head, and blocks.
    partial = base("llama", head_dim=16, n_rot=8, interleaved=True)
    variant("gguf_partial_rotary", partial, 11, gguf="llama", hf=False)
    wide = {"head_dim": 16, "interleaved": True, "vocab_size": 256}
    variant("gguf_q8_0", base("llama", hidden_size=64, **wide), 12, kind=lambda _: "q8_0", gguf="llama", hf=False)

    def mixed(name):
        if "ffn_down" in name or "token_embd" in name:
            return "q4_1"
        return "q8_0" if name == "output.weight" or "attn_v" in name else "q4_0"

    variant("gguf_q4_with_q8_0", base("llama", hidden_size=64, **wide), 13, kind=mixed, gguf="llama", hf=False)


main()
