#!/usr/bin/env python3
"""Write fixtures/: values and what the `gguf` package (pip install gguf numpy) makes of them, both ways.

  values.f32          rows of float32 to encode
  <format>.encoded    quantize(values), for the formats it can write
  <format>.decoded    dequantize(<format>.encoded) as float32
  <format>.random     random blocks: first some with finite scales, then some of scales that are 0, subnormal, infinite
                      and NaN, then some that are random throughout
  <format>.random.f32 dequantize(<format>.random)
"""
import pathlib

import gguf
import numpy as np

OUT = pathlib.Path(__file__).parent / "fixtures"
ENCODED = ["f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "mxfp4"]
# Where the float16 scales of a block lie.
SCALES = {
    "q8_0": [0], "q4_0": [0], "q4_1": [0, 2], "q5_0": [0], "q5_1": [0, 2], "q2_k": [80, 82], "q3_k": [108],
    "q4_k": [0, 2], "q5_k": [0, 2], "q6_k": [208], "iq4_nl": [0], "iq4_xs": [0], "mxfp4": [],
}
ODD_SCALES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0x7C00, 0xFC00, 0x7E00]


def values():
    rng = np.random.default_rng(11)
    rows = [rng.standard_normal(32) * scale for scale in (1e-7, 1e-3, 0.02, 1.0, 50.0, 3e4)]
    rows += [np.zeros(32), np.full(32, 0.25), np.full(32, -3.0), np.linspace(-1, 1, 32), np.arange(32) - 15.5]
    rows += [np.where(np.arange(32) == 5, -7.0, 7.0), np.where(np.arange(32) == 5, 7.0, -7.0)]
    rows += [rng.integers(-3, 4, 32) * 0.5 for _ in range(4)]  # many ties of rounding and of the extreme
    rows += [rng.standard_normal(32) * np.exp(rng.standard_normal(32) * 3) for _ in range(15)]
    return np.stack(rows).astype(np.float32)


def random_numbers(name, rng):
    x = rng.standard_normal((16, 32)).astype(np.float32)
    if name == "f16":
        return x.astype(np.float16).view(np.uint8)
    return (x.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)


def random_blocks(name, kind, rng):
    block, size = gguf.GGML_QUANT_SIZES[kind]
    n = 8 if block == 256 else 16
    odd = len(ODD_SCALES)
    blocks = rng.integers(0, 256, (n + odd + n, size), dtype=np.uint8)
    for at in SCALES[name]:
        blocks[:n, at : at + 2] = (rng.standard_normal((n, 1)) * 0.1).astype(np.float16).view(np.uint8)
        odd_scales = rng.permutation(np.array(ODD_SCALES, dtype=np.uint16))
        blocks[n : n + odd, at : at + 2] = odd_scales.reshape(odd, 1).view(np.uint8)
    if name == "mxfp4":
        blocks[:n, 0] = rng.integers(110, 140, n)
        blocks[n : n + odd, 0] = [0, 1, 2, 3, 252, 253, 254, 255]
    return blocks


def main():
    OUT.mkdir(exist_ok=True)
    x = values()
    x.tofile(OUT / "values.f32")
    rng = np.random.default_rng(5)
    np.seterr(all="ignore")
    for name in ["f16", "bf16", *SCALES]:
        kind = gguf.GGMLQuantizationType[name.upper()]
        if name in ENCODED:
            encoded = gguf.quantize(x, kind)
            encoded.tofile(OUT / f"{name}.encoded")
            gguf.dequantize(encoded.view(np.uint8), kind).astype(np.float32).tofile(OUT / f"{name}.decoded")
        blocks = random_blocks(name, kind, rng) if name in SCALES else random_numbers(name, rng)
        blocks.tofile(OUT / f"{name}.random")
        gguf.dequantize(blocks, kind).astype(np.float32).tofile(OUT / f"{name}.random.f32")


main()
