#!/usr/bin/env python3
"""Write fixtures/packed/: int4 and MXFP4 weights packed as AWQ, GPTQ and gpt-oss checkpoints have them, and the weights
that they stand for. Packs with numpy alone, element by element, from the formats' descriptions:

  AWQ (AutoAWQ, "gemm")    word[k, c] holds column 8c + (0 2 4 6 1 3 5 7)[j] in bits 4j
  GPTQ (AutoGPTQ)          word[r, n] holds row r * (32 / bits) + j in bits bits * j; "gptq" stores zero - 1, "gptq_v2" zero
  gpt-oss                  byte i of a block holds element 2i in its lower nibble and 2i + 1 in its upper one

<case>.<tensor> are the packed tensors, <case>.weight is float32 [N, K].
"""
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).parent / "fixtures" / "packed"
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def save(case, **tensors):
    for name, tensor in tensors.items():
        np.ascontiguousarray(tensor).tofile(OUT / f"{case}.{name}")


def make(rng, n, k, group, bits):
    q = rng.integers(0, 2**bits, (k, n))
    zeros = rng.integers(0, 2**bits, (k // group, n))
    scales = (rng.random((k // group, n)) * 0.1).astype(np.float16)
    return q, zeros, scales


def weight(q, zeros, scales, groups):
    w = np.empty(q.shape, dtype=np.float32)
    for k in range(q.shape[0]):
        for n in range(q.shape[1]):
            g = groups[k]
            w[k, n] = np.float32(int(q[k, n]) - int(zeros[g, n])) * np.float32(scales[g, n])
    return w.T


def awq(case, rng, n, k, group):
    q, zeros, scales = make(rng, n, k, group, 4)

    def pack(matrix):
        words = np.zeros((matrix.shape[0], n // 8), dtype=np.uint32)
        for row in range(matrix.shape[0]):
            for c in range(n // 8):
                for j in range(8):
                    words[row, c] |= np.uint32(int(matrix[row, 8 * c + AWQ_ORDER[j]]) << 4 * j)
        return words

    groups = np.arange(k) // group
    save(case, qweight=pack(q), qzeros=pack(zeros), scales=scales, weight=weight(q, zeros, scales, groups))


def gptq(case, rng, n, k, group, bits=4, version=1, act_order=False):
    q, zeros, scales = make(rng, n, k, group, bits)
    if version == 1:
        zeros = np.maximum(zeros, 1) if bits == 8 else zeros + 1  # 1..16: 16 is one more than four bits hold
    per_word = 32 // bits
    qweight = np.zeros((k // per_word, n), dtype=np.uint32)
    for row in range(k):
        for column in range(n):
            qweight[row // per_word, column] |= np.uint32(int(q[row, column]) << bits * (row % per_word))
    qzeros = np.zeros((k // group, n // per_word), dtype=np.uint32)
    for row in range(k // group):
        for column in range(n):
            stored = int(zeros[row, column]) - (1 if version == 1 else 0)
            qzeros[row, column // per_word] |= np.uint32(stored << bits * (column % per_word))
    groups = np.arange(k) // group
    if act_order:
        groups = rng.permutation(groups)
    save(case, qweight=qweight, qzeros=qzeros, scales=scales, g_idx=groups.astype(np.int32),
         weight=weight(q, zeros, scales, groups))


def gpt_oss(case, rng, rows, k):
    levels = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]
    q = rng.integers(0, 16, (rows, k))
    scales = rng.integers(110, 140, (rows, k // 32)).astype(np.uint8)
    blocks = np.zeros((rows, k // 32, 16), dtype=np.uint8)
    w = np.zeros((rows, k), dtype=np.float32)
    for row in range(rows):
        for column in range(k):
            blocks[row, column // 32, column % 32 // 2] |= q[row, column] << (4 * (column % 2))
            w[row, column] = np.float32(levels[q[row, column]]) * np.float32(2.0) ** (int(scales[row, column // 32]) - 127)
    save(case, blocks=blocks, scales=scales, weight=w)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(17)
    awq("awq", rng, n=24, k=96, group=32)
    gptq("gptq", rng, n=24, k=96, group=32)
    gptq("gptq_v2", rng, n=16, k=64, group=64, version=2)
    gptq("gptq_act_order", rng, n=16, k=96, group=32, act_order=True)
    gptq("gptq_8bit", rng, n=12, k=64, group=32, bits=8)
    gptq("gptq_8bit_act_order", rng, n=8, k=64, group=16, bits=8, version=2, act_order=True)
    gpt_oss("gpt_oss", rng, rows=3, k=64)


main()
