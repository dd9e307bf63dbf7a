"""How weights are packed in quantised Hugging Face folders, written out from the formats' descriptions.

Each packing has a `round`, which puts into a model what the packed form will say, and a `pack`, which turns the saved
tensors into those of such a folder.
"""
import re

import torch

BF16 = torch.bfloat16

# ---- fp8 with block scales, as DeepSeek-V3: weight e4m3, weight_scale_inv f32 for every 128 x 128 block --------------
# Only the matrices of the layers; embeddings, norms, the router and lm_head stay.
FP8_KEPT = re.compile(r"embed_tokens|lm_head|mlp\.gate\.|norm|bias|experts\.(gate_up|down)_proj$")
FP8_MAX = 448.0
STORE = {}


def blocks_of(shape, side=128):
    for r in range(0, shape[0], side):
        for c in range(0, shape[1], side):
            yield r // side, c // side, slice(r, min(r + side, shape[0])), slice(c, min(c + side, shape[1]))


def fp8_quantise(x):
    codes = torch.empty(x.shape, dtype=torch.float8_e4m3fn)
    scales = torch.empty((x.shape[0] + 127) // 128, (x.shape[1] + 127) // 128)
    for i, j, rows, columns in blocks_of(x.shape):
        block = x[rows, columns]
        scales[i, j] = block.abs().max() / FP8_MAX
        codes[rows, columns] = (block / scales[i, j]).to(torch.float8_e4m3fn)
    return codes, scales


def fp8_dequantise(codes, scales):
    out = torch.empty(codes.shape)
    for i, j, rows, columns in blocks_of(codes.shape):
        out[rows, columns] = codes[rows, columns].float() * scales[i, j]
    return out


def fp8_round(model):
    """Every matrix of the layers, the experts one by one, becomes what its fp8 form says; STORE keeps that form."""
    STORE.clear()
    with torch.no_grad():
        for name, x in model.named_parameters():
            if x.ndim == 2 and not FP8_KEPT.search(name):
                STORE[name] = fp8_quantise(x)
                x.copy_(fp8_dequantise(*STORE[name]))
            elif x.ndim == 3:
                prefix, which = name.rsplit(".", 1)
                for e in range(x.shape[0]):
                    parts = x[e].chunk(2) if which == "gate_up_proj" else [x[e]]
                    names = ["gate_proj", "up_proj"] if which == "gate_up_proj" else ["down_proj"]
                    for part, leaf in zip(parts, names):
                        key = f"{prefix}.{e}.{leaf}.weight"
                        STORE[key] = fp8_quantise(part)
                        part.copy_(fp8_dequantise(*STORE[key]))


def fp8_pack(tensors):
    out = dict(tensors)
    for name, (codes, scales) in STORE.items():
        assert name in out, name
        out[name] = codes
        out[name + "_scale_inv"] = scales
    return out


# ---- MXFP4 as OpenAI ships gpt-oss: blocks u8 [experts, rows, k / 32, 16], scales u8 [experts, rows, k / 32] ----------
FP4 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def mxfp4_quantise(x):  # x [experts, rows, k]
    groups = x.reshape(*x.shape[:2], -1, 32)
    exponents = torch.floor(torch.log2(groups.abs().amax(-1).clamp(min=2.0**-100))) - 2
    scaled = groups / torch.exp2(exponents)[..., None]
    codes = (scaled[..., None] - FP4).abs().argmin(-1).to(torch.uint8)
    blocks = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return blocks, (exponents + 127).to(torch.uint8)


def mxfp4_dequantise(blocks, scales):
    codes = torch.stack([blocks & 15, blocks >> 4], -1).flatten(-2).long()
    values = FP4[codes] * torch.exp2(scales.float() - 127)[..., None]
    return values.flatten(-2)


def mxfp4_round(model):
    STORE.clear()
    with torch.no_grad():
        for name, x in model.named_parameters():
            if name.endswith(("experts.gate_up_proj", "experts.down_proj")):
                STORE[name] = mxfp4_quantise(x.transpose(1, 2).contiguous())
                x.copy_(mxfp4_dequantise(*STORE[name]).transpose(1, 2))


def mxfp4_pack(tensors):
    out = dict(tensors)
    for name, (blocks, scales) in STORE.items():
        del out[name]
        out[name + "_blocks"], out[name + "_scales"] = blocks, scales
    return out


# ---- q8_0 of GGUF: 32 numbers along a row, an f16 scale and 8 bits each ------------------------------------------------


def q8_0_rows(x):
    blocks = x.reshape(-1, 32)
    scale = blocks.abs().amax(1, keepdim=True) / 127
    codes = torch.where(scale > 0, torch.round(blocks / scale), torch.zeros(()))
    return (codes * scale.half().float()).reshape(x.shape)


def q8_0_round(model):
    """Every matrix but the routers. Of DeepSeek's kv_b the keys' part is blocked along the other side, as its transpose is
    what a file holds."""
    config = model.config
    with torch.no_grad():
        for name, x in model.named_parameters():
            if x.ndim < 2 or name.endswith(("gate.weight", "router.weight")):
                continue
            x.copy_(q8_0_rows(x))
            if "kv_b_proj" in name:
                per_head = x.view(config.num_attention_heads, -1, x.shape[1])
                keys = per_head[:, : config.qk_nope_head_dim]
                keys.copy_(q8_0_rows(keys.transpose(1, 2).contiguous()).transpose(1, 2))


# ---- int4: AWQ "gemm" and GPTQ ---------------------------------------------------------------------------------------
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # nibble i of a word, from the lowest, is column AWQ_ORDER[i]


def to_words(codes):
    """codes [rows, columns] 0…15, a word of eight columns: the first in the lowest nibble."""
    words = torch.zeros(codes.shape[0], codes.shape[1] // 8, dtype=torch.int64)
    for i in range(8):
        words |= codes[:, i::8].long() << (4 * i)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)


class Int4:
    """One quantised folder. The weight w of y = w x is kept transposed, [in, out]; groups run along `in`."""

    def __init__(self, config, seed):
        self.config, self.seed, self.store = config, seed, {}

    def quantise(self, w, rng):  # w [in, out]: codes, scales [groups, out], zeros [groups, out], group of each row of in
        n_in, group = w.shape[0], self.config["group_size"]
        group = n_in if group == -1 else group
        g_idx = torch.arange(n_in) // group
        if self.config.get("desc_act"):
            g_idx = g_idx[torch.randperm(n_in, generator=rng)]
        n_groups = n_in // group
        codes = torch.empty(w.shape, dtype=torch.int64)
        scales, zeros = torch.empty(n_groups, w.shape[1]), torch.empty(n_groups, w.shape[1], dtype=torch.int64)
        for g in range(n_groups):
            part = w[g_idx == g]
            low, high = part.amin(0).clamp(max=0), part.amax(0).clamp(min=0)
            if self.config.get("sym"):
                scales[g], zeros[g] = torch.maximum(-low, high) * 2 / 15, 8
            else:
                scales[g] = (high - low) / 15
                zeros[g] = torch.round(-low / scales[g]).long().clamp(1, 15)
            scales[g] = scales[g].half().float()
            codes[g_idx == g] = torch.round(part / scales[g] + zeros[g]).long().clamp(0, 15)
        return codes, scales, zeros, g_idx

    def round(self, model):
        rng = torch.Generator().manual_seed(self.seed)
        kept = self.config.get("modules_to_not_convert") or []
        with torch.no_grad():
            for name, x in model.named_parameters():
                if x.ndim != 2 or ".layers." not in name or any(k in name for k in kept):
                    continue
                codes, scales, zeros, g_idx = self.quantise(x.T.contiguous(), rng)
                self.store[name.removesuffix(".weight")] = codes, scales, zeros, g_idx
                x.copy_(((codes - zeros[g_idx]).float() * scales[g_idx]).T)

    def pack(self, tensors):
        out = dict(tensors)
        awq = self.config["quant_method"] == "awq"
        for name, (codes, scales, zeros, g_idx) in self.store.items():
            del out[name + ".weight"]
            if awq:
                order = torch.arange(codes.shape[1]).reshape(-1, 8)[:, AWQ_ORDER].flatten()
                out[name + ".qweight"] = to_words(codes[:, order])  # [in, out / 8]
                out[name + ".qzeros"] = to_words(zeros[:, order])
            else:  # eight rows to a word; the zero points are stored less one, but for the second format
                out[name + ".qweight"] = to_words(codes.T.contiguous()).T.contiguous()  # [in / 8, out]
                less = 0 if self.config.get("checkpoint_format") == "gptq_v2" else 1
                out[name + ".qzeros"] = to_words(zeros - less)
                out[name + ".g_idx"] = g_idx.to(torch.int32)
            out[name + ".scales"] = scales.half()
        return out
