#!/usr/bin/env python3
"""Write fixtures/peer/: values, importances, and what llama.cpp's quantisers make of them, for a comparison of errors.

  make_peer_fixtures.py LIBGGML_BASE.so

  values.f32                    rows of 512 float32 of several distributions
  importance.f32                512 float32, the same for every row
  <format>, <format>.weighted   the encoded rows, without and with the importances
"""
import ctypes
import pathlib
import sys

import numpy as np

OUT = pathlib.Path(__file__).parent / "fixtures" / "peer"
COLUMNS = 512
ROW_BYTES = {"q4_0": 288, "q4_1": 320, "q5_0": 352, "q5_1": 384, "q2_K": 168, "q3_K": 220, "q4_K": 288, "q5_K": 352,
             "q6_K": 420}


def main():
    library = ctypes.CDLL(sys.argv[1], mode=1)
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(23)
    column_scale = np.exp(0.7 * rng.standard_normal(COLUMNS))
    shape = (3, COLUMNS)
    rows = [0.02 * rng.standard_normal(shape), 0.02 * rng.standard_t(4, shape), 0.02 * rng.laplace(size=shape),
            0.02 * rng.standard_normal(shape) * column_scale, 0.02 * rng.standard_normal(shape) + 0.03]
    values = np.concatenate(rows).astype(np.float32)
    importance = np.exp(2 * rng.standard_normal(COLUMNS)).astype(np.float32)
    values.tofile(OUT / "values.f32")
    importance.tofile(OUT / "importance.f32")
    pointer = ctypes.POINTER(ctypes.c_float)
    for name, row_bytes in ROW_BYTES.items():
        quantize = getattr(library, f"quantize_{name}")
        quantize.restype = ctypes.c_size_t
        for suffix, weights in (("", None), (".weighted", importance.ctypes.data_as(pointer))):
            out = np.zeros(len(values) * row_bytes, dtype=np.uint8)
            written = quantize(values.ctypes.data_as(pointer), out.ctypes.data_as(ctypes.c_void_p),
                               ctypes.c_int64(len(values)), ctypes.c_int64(COLUMNS), weights)
            assert written == out.size
            out.tofile(OUT / (name.lower() + suffix))


main()
