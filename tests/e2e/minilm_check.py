#!/usr/bin/env python3
"""Compare `backplane embed` with sentence-transformers on 200 varied texts: long ones, other scripts, odd characters.

usage: minilm_check.py BACKPLANE MODEL [--device ID]…

MODEL is a sentence-transformers folder, such as all-MiniLM-L6-v2. Needs sentence-transformers (written with 6.2) and
torch. Prints the smallest cosine for texts that go together and alone; fails below 0.9999, and where both ways differ.
"""
import json
import random
import subprocess
import sys

import numpy as np
from sentence_transformers import SentenceTransformer

WORDS = """the a old new red river house engineer quickly slowly wrote reads measures about between under bridge song
of protein market turbine court winter Monday seven 1,024 3.14 e-mail https://example.org/a?b=c don't co-operate
naïve café Zürich São Paulo déjà vu İstanbul straße ﬁne ½ ² ™ x̄ é ŝ""".split()
FIXED = [
    "", " ", "a", "!", "\n\n\t", "[CLS] [SEP] [MASK] [UNK]", "##ing ##s", "the cat ##sat",
    "Как пройти в библиотеку?", "図書館はどこですか。", "图书馆在哪里？我想借一本书。", "도서관이 어디에 있습니까?",
    "أين المكتبة من فضلك؟", "איפה הספרייה?", "ห้องสมุดอยู่ที่ไหน", "पुस्तकालय कहाँ है?", "Πού είναι η βιβλιοθήκη;",
    "😀 😃 👩‍👩‍👧‍👦 🇩🇪", "zero\u200bwidth\u200djoin\ufeff", "control\u0001\u0002\u007fchars", "a\u0301\u0308 e\u0301 ﷽",
    "tab\tand\u00a0no-break\u2003space\u3000wide", "UPPER lower MiXeD ǅ ß ẞ", "x" * 120, "word" * 80, "," * 300,
    "for (int i = 0; i < n; ++i) sum += a[i] * b[i];  // C++", '{"key": [1, 2.5e-3, null, true]}',
]  # fmt: skip


def texts(count=200):
    rng = random.Random(20)
    out = list(FIXED)
    while len(out) < count:
        length = rng.choice([3, 8, 15, 30, 60, 120, 250, 600])
        words = [rng.choice(WORDS) for _ in range(length)]
        for _ in range(length // 10):
            words[rng.randrange(length)] = rng.choice(FIXED[8:22])
        out.append(" ".join(words))
    return out


def ours(backplane, model, options, lines):
    run = subprocess.run([backplane, "embed", model, *options], input=lines, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    return np.array([json.loads(line) for line in run.stdout.splitlines()], dtype=np.float32)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    backplane, model, options = sys.argv[1], sys.argv[2], sys.argv[3:]
    all_texts = texts()
    lines = "".join(json.dumps(text) + "\n" for text in all_texts)
    expected = SentenceTransformer(model, device="cpu").encode(all_texts, batch_size=16)
    together = ours(backplane, model, ["--batch", "16", *options], lines)
    alone = ours(backplane, model, options, lines)
    cosine = (expected * together).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(together, axis=1)
    worst = int(cosine.argmin())
    print(f"{len(all_texts)} texts: smallest cosine {cosine[worst]:.7f} ({all_texts[worst][:60]!r}), "
          f"largest difference of a number {np.abs(expected - together).max():.2e}")  # fmt: skip
    if cosine[worst] < 0.9999:
        sys.exit("below 0.9999")
    if not np.array_equal(together, alone):
        sys.exit("texts that go together have other embeddings than alone")


if __name__ == "__main__":
    main()
