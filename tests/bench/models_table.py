#!/usr/bin/env python3
"""Write the table of real models in docs/models.md: each model at hand, per weight type, its perplexity, size, speed and
distance from float32.

usage: models_table.py BACKPLANE [--text FILE] [--device ID] [--quick]

Pulls the models of MODELS where they are not here yet. The float32 file is the published one, decoded; the other types
are quantised from it. TEXT is by default Debian's FAQ (package doc-debian). Distance: root mean square of the difference
of the logits to those of float32, over their standard deviation; for encoders 1 - the smallest cosine.
"""
import argparse
import datetime
import gzip
import html
import json
import pathlib
import platform
import re
import subprocess
import tempfile

import numpy as np

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "models.md"
BEGIN, END = "<!-- models_table.py: begin -->", "<!-- models_table.py: end -->"
MODELS = ["smollm2-135m-instruct", "gemma-3-270m"]
TYPES = ["f32", "bf16", "q8_0", "q6_k", "q5_k", "q4_k", "q4_0", "q3_k"]
WINDOW, N_TOKENS = 512, 256


class Program:
    def __init__(self, path, device):
        self.path, self.device = path, device

    def json(self, *arguments):
        out = subprocess.run([self.path, *arguments, "--json", "--no-progress"], stdout=subprocess.PIPE, check=True).stdout
        return json.loads(out)

    def on_device(self, *arguments):
        return self.json(*arguments, "--device", self.device)


def text_of(path):
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode("utf-8", "replace")
    return html.unescape(re.sub(r"<[^>]*>", " ", text)) if "html" in path.name else text


def default_text():
    for path in ("/usr/share/doc/debian/FAQ/debian-faq.en.txt.gz", "/usr/share/doc/debian/FAQ/debian-faq.en.txt"):
        if pathlib.Path(path).exists():
            return pathlib.Path(path)
    raise SystemExit("models_table.py: no text; install doc-debian, or name one with --text")


def logits(program, model, ids, folder):
    (folder / "ids.json").write_text(json.dumps(ids))
    out = folder / "logits.npy"
    program.on_device("eval", str(model), "--tokens", str(folder / "ids.json"), "--logits", str(out))
    return np.load(out)


def row(program, name, model, text, ids, plain, folder, repeats):
    perplexity = program.on_device("eval", str(model), "--text", str(text), "--window", str(WINDOW))["perplexity"]
    rows = program.on_device("bench", str(model), "-p", "256", "-n", "32", "-r", str(repeats))["rows"]
    speed = {("prefill" if r["n_prompt"] else "decode"): r["tps_median"] for r in rows}
    got = logits(program, model, ids, folder)
    plain = got if plain is None else plain
    distance = np.sqrt(((got - plain) ** 2).mean()) / plain.std()
    same = (got.argmax(-1) == plain.argmax(-1)).mean()
    size = model.stat().st_size / 1e6
    print(f"{name}: perplexity {perplexity:.3f}, {size:.0f} MB, {speed}, distance {distance:.2e}", flush=True)
    cells = [name, f"{perplexity:.3f}", f"{size:.0f}", f"{speed['prefill']:.0f}", f"{speed['decode']:.0f}",
             f"{distance:.4f}", f"{100 * same:.1f} %"]  # fmt: skip
    return "| " + " | ".join(cells) + " |", got


def table(program, model, text, types, folder, repeats):
    published = pathlib.Path(program.json("pull", model)["path"])
    ids = json.loads(subprocess.run([program.path, "tokenize", str(published), "--bos"], input=json.dumps(text.read_text()),
                                    stdout=subprocess.PIPE, text=True, check=True).stdout)[:N_TOKENS]  # fmt: skip
    plain_file = folder / "f32.gguf"
    program.json("quantize", str(published), str(plain_file), "f32")
    lines = [f"**{model}**", "",
             "| weights | perplexity | MB | prefill 256, tokens/s | decode, tokens/s | distance | same best token |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    line, plain = row(program, "f32", plain_file, text, ids, None, folder, repeats)
    lines.append(line)
    lines.append(row(program, "as published", published, text, ids, plain, folder, repeats)[0])
    for kind in types[1:]:
        out = folder / f"{kind}.gguf"
        program.json("quantize", str(plain_file), str(out), kind)
        lines.append(row(program, kind, out, text, ids, plain, folder, repeats)[0])
        out.unlink()
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("backplane")
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--device", default="cpu:0")
    parser.add_argument("--quick", action="store_true", help="few types, a short text: to try the script")
    options = parser.parse_args()
    program = Program(options.backplane, options.device)
    source = options.text or default_text()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        text = folder / "text.txt"
        text.write_text(text_of(source)[: 4_000 if options.quick else 12_000])
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
        lines = [f"Written by `tests/bench/models_table.py BACKPLANE` on {datetime.date.today()}, {options.device}, {cpu}; text: "
                 f"the first {len(text.read_text())} characters of {source.name}, windows of {WINDOW}.", ""]  # fmt: skip
        for model in MODELS:
            lines += table(program, model, text, TYPES[:: 4 if options.quick else 1], folder, 1 if options.quick else 3) + [""]
    page = DOCS.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    DOCS.write_text(before + BEGIN + "\n" + "\n".join(lines) + END + after)


main()
