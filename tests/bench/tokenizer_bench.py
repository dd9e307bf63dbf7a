#!/usr/bin/env python3
"""Compares the speed of our tokenizers with Hugging Face's, one thread each, on the same texts in the same run.

For each vocabulary a tokenizer.json is written from its GGUF (what Hugging Face reads), and a megabyte each of English,
of code and of Chinese is encoded by both in turn, several times; the least processor time of each counts, so that
others on the machine do no harm. A pair that disagrees on the number of tokens says so.

    cmake --preset release -DBACKPLANE_BENCH=ON && cmake --build --preset release --target tokenizer_bench
    pip install tokenizers gguf
    tokenizer_bench.py --models FOLDER_OF_GGML_VOCABULARIES [--texts FOLDER] [--rounds 3] [NAME …]

FOLDER of texts holds english.txt, code.txt and chinese.txt; without it they are made from the documents and sources of
this machine (English: manual pages and licences; code: our own sources; Chinese: a shuffled stock of phrases).
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "core/tokenizer"))
from compare_vocabularies import hugging_face  # noqa: E402

NAMES = ["gpt-2", "llama-bpe", "qwen2", "deepseek-coder", "llama-spm", "gemma-4", "nomic-bert-moe", "bert-bge"]
PHRASES = ("我们 今天 在 北京 研究 大语言模型 的 推理 速度 , 结果 表明 新 的 方法 可以 显著 降低 延迟 。 同时 由于 内存 带宽 有限 因此 需要 "
           "重新 设计 缓存 结构 ， 并且 保证 每个 请求 都 得到 公平 的 处理 。 学生 们 认真 地 阅读 了 这篇 文章 然后 写下 自己 的 看法 ！ 春天 来 了 "
           "花园 里 开满 了 各种 颜色 的 花 ， 孩子 在 草地 上 奔跑 。 经济 增长 带来 新 的 机会 与 挑战 ； 城市 交通 越来越 复杂 。 他 说 “ 明天 会 "
           "更好 ” ， 她 笑 着 点头 。 历史 文化 科学 技术 音乐 电影 医学 教育 环境 保护 国际 合作 法律 制度 人民 生活 水平 提高 2026 年 3 月").split()


def make_texts(folder):
    folder.mkdir(parents=True, exist_ok=True)
    size = 1 << 20
    english = "".join(p.read_text(errors="ignore") for p in sorted(pathlib.Path("/usr/share/common-licenses").glob("*")) if p.is_file())
    english += "".join(p.read_text(errors="ignore") for p in sorted(HERE.parents[1].glob("docs/**/*.md")))
    (folder / "english.txt").write_text((english * (size // max(1, len(english)) + 1))[:size])
    code = "".join(p.read_text() for p in sorted((HERE.parents[1] / "core").glob("*/*.cpp")))
    (folder / "code.txt").write_text((code * (size // len(code) + 1))[:size])
    rng = random.Random(1)
    chinese = "".join(rng.choice(PHRASES) for _ in range(size // 4))
    (folder / "chinese.txt").write_bytes(chinese.encode()[:size].decode(errors="ignore").encode())


def best_of(tokenizer, text, rounds):
    best = 1e9
    for _ in range(rounds):
        start = time.process_time()
        n = len(tokenizer.encode(text, add_special_tokens=False).ids)
        best = min(best, time.process_time() - start)
    return best, n


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--texts", type=pathlib.Path)
    parser.add_argument("--bench", type=pathlib.Path, default=HERE.parents[1] / "build/release/bin/tokenizer_bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("names", nargs="*", default=NAMES)
    options = parser.parse_args()
    texts = options.texts or pathlib.Path("/tmp/tokenizer_bench_texts")
    if options.texts is None:
        make_texts(texts)
    files = [texts / f"{kind}.txt" for kind in ("english", "code", "chinese")]
    for name in options.names:
        gguf = options.models / f"ggml-vocab-{name}.gguf"
        theirs = hugging_face(gguf)
        ours = {}
        row = [f"{name:16}"]
        for file in files:
            text = file.read_bytes().decode()
            mine, other = 1e9, 1e9
            for _ in range(options.rounds):  # in turn, since others use the machine too
                out = subprocess.run([options.bench, gguf, file], capture_output=True, text=True, check=True).stdout
                ours = json.loads(out)
                mine = min(mine, ours["seconds"])
                seconds, n = best_of(theirs, text, 5)  # as often as tokenizer_bench does
                other = min(other, seconds)
            same = "" if n == ours["n_tokens"] else f" (ids differ: {ours['n_tokens']} and {n})"
            row.append(f"{file.stem} {len(text.encode()) / mine / 1e6:6.1f} MB/s, {other / mine:5.1f} x{same}")
        print(" | ".join(row), flush=True)


if __name__ == "__main__":
    main()
