#!/usr/bin/env python3
"""Write fixtures/: values and what the `gguf` package (pip install gguf numpy) makes of them, both ways.

  values.f32          rows of float32 to encode
  <format>.encoded    quantize(values)
  <format>.decoded    dequantize(<format>.encoded) as float32
  <format>.random     random blocks with finite scales
  <format>.random.f32 dequantize(<format>.random)
"""
import pathlib

import gguf
import numpy as np

OUT = pathlib.Path(__file__).parent / "fixtures"
FORMATS = {"f16": (1, 2), "bf16": (1, 2), "q8_0": (32, 34), "q4_0": (32, 18), "q4_1": (32, 20)}
SCALES = {"q8_0": 1, "q4_0": 1, "q4_1": 2}


def values():
    rng = np.random.default_rng(11)
    rows = [rng.standard_normal(32) * scale for scale in (1e-7, 1e-3, 0.02, 1.0, 50.0, 3e4)]
    rows += [np.zeros(32), np.full(32, 0.25), np.full(32, -3.0), np.linspace(-1, 1, 32), np.arange(32) - 15.5]
    rows += [np.where(np.arange(32) == 5, -7.0, 7.0), np.where(np.arange(32) == 5, 7.0, -7.0)]
    rows += [rng.integers(-3, 4, 32) * 0.5 for _ in range(4)]  # many ties of rounding and of the extreme
    rows += [rng.standard_normal(32) * np.exp(rng.standard_normal(32) * 3) for _ in range(15)]
    return np.stack(rows).astype(np.float32)


def random_blocks(name, rng):
    blocks = rng.integers(0, 256, (16, FORMATS[name][1]), dtype=np.uint8)
    n = SCALES.get(name, 0)
    if n:
        scales = (rng.standard_normal((16, n)) * 0.1).astype(np.float16)
        blocks[:, : 2 * n] = scales.view(np.uint8)
    else:
        blocks = (rng.standard_normal((16, 32))).astype(np.float32).view(np.uint32)
        blocks = (blocks >> 16).astype(np.uint16) if name == "bf16" else blocks.view(np.float32).astype(np.float16)
        blocks = blocks.view(np.uint8)
    return blocks


def main():
    OUT.mkdir(exist_ok=True)
    x = values()
    x.tofile(OUT / "values.f32")
    rng = np.random.default_rng(5)
    for name in FORMATS:
        kind = gguf.GGMLQuantizationType[name.upper()]
        encoded = gguf.quantize(x, kind)
        encoded.tofile(OUT / f"{name}.encoded")
        gguf.dequantize(encoded.view(np.uint8), kind).astype(np.float32).tofile(OUT / f"{name}.decoded")
        blocks = random_blocks(name, rng)
        blocks.tofile(OUT / f"{name}.random")
        gguf.dequantize(blocks, kind).astype(np.float32).tofile(OUT / f"{name}.random.f32")


main()
