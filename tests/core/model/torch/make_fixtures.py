#!/usr/bin/env python3
"""Write the .pt files beside this script with PyTorch (pip install torch): what people have, and what must be refused."""
import collections
import os
import pathlib

import torch

OUT = pathlib.Path(__file__).parent


class Evil:
    def __reduce__(self):
        return os.system, ("echo evil",)


def main():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = collections.OrderedDict()
    state["f32"] = base.clone()
    state["f16"] = base.to(torch.float16)
    state["bf16"] = base.to(torch.bfloat16)
    state["f64"] = base[0].to(torch.float64)
    state["i64"] = torch.tensor([-1, 2**40])
    state["i8"] = torch.tensor([-128, 127], dtype=torch.int8)
    state["bool"] = torch.tensor([True, False, True])
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 3)
    state["transposed"] = base.t()
    state["every_other"] = base[:, ::2]
    state["tail"] = base[2:]
    state["tied"] = base
    state["parameter"] = torch.nn.Parameter(torch.full((2, 2), 7.0))
    state["permuted"] = torch.arange(24, dtype=torch.int32).reshape(2, 3, 4).permute(2, 0, 1)
    torch.save(state, OUT / "state_dict.pt")
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    for parameter in module.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    torch.save({"epoch": 3, "lr": 0.1, "tags": ["a", "b"], "state_dict": module.state_dict()}, OUT / "checkpoint.pt")
    torch.save({"w": base.to(torch.float8_e4m3fn)}, OUT / "fp8.pt")
    torch.save({"w": base}, OUT / "protocol4.pt", pickle_protocol=4)
    torch.save({"w": base}, OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"w": base, "x": Evil()}, OUT / "evil.pt")
    torch.save(module, OUT / "module.pt")
    torch.save([base], OUT / "list.pt")


main()
