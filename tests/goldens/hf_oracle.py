"""Tiny random models of Hugging Face transformers, and what they compute in float32: the oracle behind data/."""
import json
import math
import pathlib
import re

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

DATA = pathlib.Path(__file__).parent / "data"
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def bf16(x):
    return x.to(torch.bfloat16).float()


def gain_of(name):
    """How much of its input a matrix lets through: attention and routers are made to choose."""
    if re.search(r"(q_proj|k_proj|q_b_proj|qkv_proj|query_key_value|c_attn|query|key)\.weight$", name):
        return 2.0
    if re.search(r"(\.gate|router|shared_expert_gate|lm_head)\.weight$", name):
        return 2.0
    return 1.0


def randomise(model, seed, embed=0.5, zero_centred_norms=False, mlp_gain=1.0):
    """Fills every weight with values that bfloat16 holds. `embed` is the size of the embeddings' elements, `mlp_gain`
    an additional gain of what leaves the feed-forward blocks: large, it shows which GELU they have."""
    rng = torch.Generator().manual_seed(seed)

    def draw(shape, scale):
        return torch.randn(shape, generator=rng) * scale

    tensors = dict(model.named_parameters()) | {
        n: b for n, b in model.named_buffers() if n.endswith("e_score_correction_bias")
    }
    for name, x in sorted(tensors.items()):
        leaf = name.rsplit(".", 2)[-2] if name.endswith((".weight", ".bias")) else name.rsplit(".", 1)[-1]
        if x.ndim == 1:
            norm = name.endswith(".weight") and re.search(r"norm|ln_|LayerNorm", name)
            value = draw(x.shape, 0.3) + (1.0 if norm and not zero_centred_norms else 0.0)
            if name.endswith("e_score_correction_bias"):
                value = draw(x.shape, 0.1)
        elif "embed" in name or leaf in ("wte", "wpe"):
            value = draw(x.shape, embed)
        elif x.ndim == 3:  # experts: [n, out, in], or [n, in, out] in gpt-oss
            fan_in = x.shape[1] if "GptOss" in type(model).__name__ else x.shape[2]
            value = draw(x.shape, 1 / math.sqrt(fan_in))
        elif name.endswith("_bias"):  # the biases of gpt-oss's experts
            value = draw(x.shape, 0.3)
        else:
            fan_in = x.shape[0] if "GPT2" in type(model).__name__ and leaf.startswith("c_") else x.shape[1]
            gain = gain_of(name)
            if re.search(r"dense_4h_to_h|mlp\.c_proj|down_proj", name):
                gain *= mlp_gain
            value = draw(x.shape, gain / math.sqrt(fan_in))
        with torch.no_grad():
            x.copy_(bf16(value))
    return model


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([list(ids)]), use_cache=False).logits[0].float()


def continuation(model, ids, n=24):
    """The greedy continuation, each step computed from the start, and the smallest gap of its best two logits."""
    ids, margin = list(ids), math.inf
    start = len(ids)
    for _ in range(n):
        top = torch.topk(logits_of(model, ids)[-1], 2)
        margin = min(margin, float(top.values[0] - top.values[1]))
        ids.append(int(top.indices[0]))
    return ids[start:], margin


def write_config(folder, config):
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def write_case(folder, model, tensors, seed, logits=None, margin=0.0, **more):
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "expected.safetensors")
    case = {"architecture": type(model).__name__, "oracle": f"transformers {transformers.__version__}", "seed": seed}
    if logits is not None:
        case |= {"greedy_margin_min": margin, "logits_std": float(logits.std()), "logits_absmax": float(logits.abs().max())}
    (folder / "case.json").write_text(json.dumps(case | more, indent=1) + "\n")


def build(folder, config, cls=None, **kwargs):
    """The model that transformers makes of a config.json as it stands in `folder`."""
    write_config(folder, config)
    parsed = transformers.AutoConfig.from_pretrained(folder)
    cls = cls or transformers.AutoModelForCausalLM
    make = cls.from_config if hasattr(cls, "from_config") else cls._from_config
    # Falcon's eager attention adds ALiBi to scores that the mask has already added it to; sdpa has it once.
    attention = "sdpa" if getattr(parsed, "alibi", False) else "eager"
    return make(parsed, attn_implementation=attention, dtype=torch.float32, **kwargs).eval()


def saved_tensors(model, folder, dtype=torch.bfloat16):
    """The tensors under the names that save_pretrained gives them (which also rewrites config.json)."""
    from safetensors.torch import load_file

    model.to(dtype).save_pretrained(folder)
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(file)
        file.unlink()
    for extra in ("generation_config.json", "model.safetensors.index.json"):
        (folder / extra).unlink(missing_ok=True)
    return tensors


def causal_case(name, config, seed, *, pack=None, rename=None, extra=None, own_config=False, before=None, prefix_min=0,
                spelling=None, only=None, others=(), dtype=torch.bfloat16, **random):  # fmt: skip

    """Writes data/hf_NAME. `before(model)` changes the weights (to what a packing can hold); `pack(tensors)` and
    `rename(name)` turn the saved tensors into those of the hub; `extra` are tensors to add. own_config keeps the
    config.json that save_pretrained writes, else the given one stays, in the hub's spelling, with the keys of `spelling`, of all keys
    `only` those. Of the prompt, prefixes
    shorter than prefix_min compute something else (a rotation chosen by length). `others` are the lengths of sequences to
    run beside it."""
    folder = DATA / f"hf_{name}"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if file.suffix != ".gguf":
            file.unlink()
    model = randomise(build(folder, config), seed, **random)
    if before:
        before(model)
    vocab = config.get("vocab_size") or config["text_config"]["vocab_size"]
    best = None
    for attempt in range(6):  # of some prompts the one whose continuation is least in doubt
        ids = np.random.default_rng(seed * 100 + attempt).integers(3, vocab, 24)
        greedy, margin = continuation(model, ids)
        if best is None or margin > best[2]:
            best = ids, greedy, margin
    ids, greedy, margin = best
    logits = logits_of(model, ids)
    assert torch.isfinite(logits).all()
    expected = {"input_ids": torch.tensor(ids, dtype=torch.int64), "logits": logits, "greedy": torch.tensor(greedy)}
    for i, n in enumerate(others, 1):
        other = np.random.default_rng(seed * 100 + 50 + i).integers(3, vocab, n)
        expected |= {f"input_ids.{i}": torch.tensor(other, dtype=torch.int64), f"logits.{i}": logits_of(model, other)}
    tensors = saved_tensors(model, folder, dtype)
    if not own_config:
        written = config | (spelling or {})
        write_config(folder, {k: v for k, v in written.items() if not only or k in only})
    if rename:
        tensors = {rename(n): x for n, x in tensors.items()}
    if pack:
        tensors = pack(tensors)
    tensors |= extra or {}
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    write_case(folder, model, expected, seed, logits, margin, **({"prefix_min": prefix_min} if prefix_min else {}))
    size = sum(f.stat().st_size for f in folder.iterdir() if f.suffix != ".gguf")
    print(f"{folder.name}: {size // 1024} KiB, spread {logits.std():.2f}, greedy margin {margin:.3f}", flush=True)
    return model
