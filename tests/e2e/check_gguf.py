#!/usr/bin/env python3
"""What `backplane convert` and `quantize` write, read by the `gguf` package (pip install gguf numpy safetensors).

  check_gguf.py BACKPLANE [FOLDER …]        default: every golden folder beside this script

For each folder: the converted file has the architecture, the tensors of known types and the alignment that the package
expects; each matrix quantised to q8_0, q4_0, q4_1, q5_0, q5_1 is what the package's own quantiser makes of it, bit for
bit; every other type decodes close to it.
"""
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np

EXACT = ["q8_0", "q4_0", "q4_1", "q5_0", "q5_1"]
CLOSE = {"q4_k": 0.12, "q6_k": 0.03}  # relative error of random matrices


def tensors_of(path):
    reader = gguf.GGUFReader(path)
    assert reader.alignment == 32
    return reader, {tensor.name: tensor for tensor in reader.tensors}


def check_quantised(program, source, folder, kind):
    path = folder / f"{kind}.gguf"
    subprocess.run([program, "quantize", source, path, kind, "--pure", "--no-progress"], check=True, capture_output=True)
    _, before = tensors_of(source)
    _, after = tensors_of(path)
    wanted = gguf.GGMLQuantizationType[kind.upper()]
    n = 0
    for name, tensor in after.items():
        if tensor.tensor_type != wanted or before[name].tensor_type != gguf.GGMLQuantizationType.F32:
            continue
        values = np.asarray(before[name].data, dtype=np.float32)
        if kind in EXACT:
            assert np.array_equal(np.asarray(tensor.data), gguf.quantize(values, wanted)), (name, kind)
        else:
            decoded = gguf.dequantize(np.asarray(tensor.data), wanted)
            error = np.sqrt(np.mean((decoded - values) ** 2) / np.mean(values**2))
            assert error < CLOSE[kind], (name, kind, error)
        n += 1
    return n


def check(program, model):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        path = folder / "model.gguf"
        run = subprocess.run([program, "convert", model, path, "--no-progress"], capture_output=True, text=True)
        if run.returncode != 0:
            return run.stderr.strip().splitlines()[-1]
        reader, tensors = tensors_of(path)
        architecture = reader.fields["general.architecture"].contents()
        assert architecture in gguf.MODEL_ARCH_NAMES.values(), architecture
        counts = {kind: check_quantised(program, path, folder, kind) for kind in [*EXACT, *CLOSE]}
        return f"{architecture}, {len(tensors)} tensors, compared {counts}"


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    goldens = pathlib.Path(__file__).parent.parent / "goldens" / "data"
    folders = sys.argv[2:] or sorted(path.parent for path in goldens.glob("*/config.json"))
    for folder in folders:
        print(f"{pathlib.Path(folder).name}: {check(program, folder)}")


main()
