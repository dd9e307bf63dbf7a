#!/usr/bin/env python3
"""Compare what llama.cpp computes from each data/*/model.gguf with the expected outputs beside it.

The judge of whether those files are what llama.cpp takes them for. Other matrices make llama.cpp round activations too,
so each file is read from a copy in float32.

usage: check_with_llama_cpp.py [NAME…]      needs the PyPI packages llama-cpp-py-sync (its declarations; the environment
variable LLAMA_LIBRARY may name another library of about that age), gguf, safetensors, numpy
"""
import json
import os
import pathlib
import sys
import tempfile

import gguf
import numpy as np
from safetensors.numpy import load_file

from llama_cpp_py_sync import _cffi_bindings as binding

ROOT = pathlib.Path(__file__).parent


def in_float32(path, out):
    """A copy of a GGUF file in float32."""
    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(out, reader.fields["general.architecture"].contents())
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    if "tokenizer.ggml.model" not in reader.fields:
        writer.add_tokenizer_model("none")
        embedding = next(t for t in reader.tensors if t.name == "token_embd.weight")
        writer.add_vocab_size(int(embedding.shape[1]))
    for tensor in reader.tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        values = gguf.quants.dequantize(np.asarray(tensor.data), tensor.tensor_type)
        writer.add_tensor(tensor.name, values.astype(np.float32).reshape(shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Llama:
    def __init__(self, path, n_ctx, embed):
        self.ffi = binding.ffi
        library = os.environ.get("LLAMA_LIBRARY")
        self.lib = self.ffi.dlopen(library) if library else binding.get_lib()
        self.lib.llama_backend_init()
        params = self.lib.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = self.lib.llama_model_load_from_file(str(path).encode(), params)
        if self.model == self.ffi.NULL:
            raise RuntimeError("llama.cpp refuses it")
        params = self.lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads = n_ctx, n_ctx, n_ctx, 1
        params.type_k = params.type_v = 0
        params.flash_attn_type = 0
        params.embeddings = embed
        params.n_outputs_max, params.n_outputs_max_per_seq = n_ctx, n_ctx
        params.swa_full = True
        self.context = self.lib.llama_init_from_model(self.model, params)
        assert self.context != self.ffi.NULL

    def run(self, ids, embed):
        batch = self.lib.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = int(token), i, 1, 0, 1
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)
        status = (self.lib.llama_encode if embed else self.lib.llama_decode)(self.context, batch)
        assert status == 0, status
        if embed:
            n = self.lib.llama_model_n_embd(self.model)
            return np.array(self.ffi.unpack(self.lib.llama_get_embeddings_seq(self.context, 0), n), np.float32)
        n = self.lib.llama_vocab_n_tokens(self.lib.llama_model_get_vocab(self.model))
        return np.array(self.ffi.unpack(self.lib.llama_get_logits(self.context), n * len(ids)), np.float32).reshape(-1, n)


def check(path):
    folder = path.parent
    expected, case = load_file(folder / "expected.safetensors"), json.loads((folder / "case.json").read_text())
    embed = "embedding" in expected
    ids = expected["input_ids"]
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch) / "model.gguf"
        in_float32(path, copy)
        got = Llama(copy, max(32, len(ids)), embed).run(ids, embed)
    want = expected["embedding" if embed else "logits"]
    if embed and case["normalized"]:
        got = got / np.linalg.norm(got)
    if "rows" in expected:
        got = got[expected["rows"]]
    return float(np.abs(got - want).max() / case["embedding_std" if embed else "logits_std"])


def main():
    wanted = sys.argv[1:]
    paths = sorted(ROOT.glob("data/*/*.gguf")) + sorted(ROOT.glob("long/*/*.gguf"))
    for path in paths:
        if not wanted or path.parent.name in wanted:
            try:
                print(f"{path.parent.name}/{path.name}: {check(path):.2e} of the spread", flush=True)
            except Exception as error:
                print(f"{path.parent.name}/{path.name}: {error!r}", flush=True)


main()
