#!/usr/bin/env python3
"""The full comparison of `backplane tokenize` with Hugging Face's tokenizers and Google's sentencepiece, on the 19 real
vocabularies that the PyPI sdist llama-cpp-python vendors: their published cases, and --n odd strings for each.

    pip install gguf tokenizers sentencepiece protobuf
    pip download --no-deps --no-binary :all: -d DL llama-cpp-python==0.3.36 && tar -C DL -xzf DL/llama_cpp_python-*.tar.gz
    compare_vocabularies.py --models DL/llama_cpp_python-0.3.36/vendor/llama.cpp/models [--n 10000] [--seed 1] [NAME …]

Prints a line for each vocabulary; the exit status is 1 where anything differs.
"""
import argparse
import json
import pathlib
import subprocess
import sys

from gguf import GGUFReader
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "make"))
CONTROL, USER_DEFINED, BYTE = 3, 4, 6
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = QWEN2.replace(r"]?\p{L}+", r"]?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_level(use_regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


DIGITS = [pre_tokenizers.Digits(True), byte_level()]
PRE = {
    None: [byte_level()], "gpt-2": [byte_level()], "mpt": [byte_level()], "smollm": DIGITS, "starcoder": DIGITS, "refact": DIGITS,
    "command-r": DIGITS,
    "falcon": [pre_tokenizers.Punctuation("contiguous"), byte_level(), pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]")],
    "llama-bpe": [split(LLAMA3), byte_level(False)], "qwen2": [split(QWEN2), byte_level(False)], "qwen35": [split(QWEN35), byte_level(False)],
    "deepseek-coder": [split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
                       pre_tokenizers.Digits(True), byte_level(False)],
}


def fields_of(path):
    fields = GGUFReader(path).fields
    return lambda key, default=None: fields["tokenizer." + key].contents() if "tokenizer." + key in fields else default


def hugging_face(path):
    """The vocabulary of a GGUF as Hugging Face's tokenizers have it, or None where this script knows no pipeline."""
    get = fields_of(path)
    kind, pre, tokens, types = get("ggml.model"), get("ggml.pre"), get("ggml.tokens"), get("ggml.token_type")
    vocab = {t: i for i, t in enumerate(tokens)}
    added = [AddedToken(t, normalized=False) for t, k in zip(tokens, types) if k == USER_DEFINED]
    pairs = [m for m in (tuple(m.split(" ")) for m in get("ggml.merges", [])) if len(m) == 2 and "".join(m) in vocab and m[0] in vocab and m[1] in vocab]
    if kind == "gpt2" and pre in PRE:
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=pairs, ignore_merges=pre == "llama-bpe"))
        if pre == "qwen2":
            tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(PRE[pre])
        tokenizer.decoder = decoders.ByteLevel()
    elif kind == "gemma4":
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=pairs, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
    elif kind == "bert":
        plain = {(t[1:] if t.startswith("▁") else t if k == CONTROL or t.startswith("[unused") else "##" + t): i for i, (t, k) in enumerate(zip(tokens, types))}
        tokenizer = Tokenizer(models.WordPiece(vocab=plain, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    elif kind == "llama":
        scores, ranked = get("ggml.scores"), []
        for text, i in vocab.items():
            cuts = [(vocab[text[:c]], vocab[text[c:]], text[:c], text[c:]) for c in range(1, len(text)) if text[:c] in vocab and text[c:] in vocab]
            ranked += [(-scores[i], left, right, (a, b)) for left, right, a, b in cuts if types[i] not in (CONTROL, BYTE)]
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[pair for *_, pair in sorted(ranked)], byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    elif kind == "t5":
        tokenizer = Tokenizer(models.Unigram(list(zip(tokens, get("ggml.scores"))), get("ggml.unknown_token_id", 0), False))
        tokenizer.normalizer = normalizers.Precompiled(bytes(get("ggml.precompiled_charsmap")))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    else:
        return None
    tokenizer.add_tokens(added)
    return tokenizer


def sentence_piece(path):
    """The same by Google's library, for the vocabularies that it trained."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as pb

    get = fields_of(path)
    if get("ggml.model") not in ("llama", "t5"):
        return None
    proto, unk, unigram = pb.ModelProto(), get("ggml.unknown_token_id", 0), get("ggml.model") == "t5"
    proto.trainer_spec.model_type = pb.TrainerSpec.UNIGRAM if unigram else pb.TrainerSpec.BPE
    proto.trainer_spec.byte_fallback = "<0x00>" in get("ggml.tokens")
    proto.trainer_spec.unk_id, proto.trainer_spec.bos_id, proto.trainer_spec.eos_id, proto.trainer_spec.pad_id = unk, -1, -1, -1
    proto.trainer_spec.unk_piece = get("ggml.tokens")[unk]
    proto.normalizer_spec.add_dummy_prefix = bool(get("ggml.add_space_prefix", True))
    proto.normalizer_spec.remove_extra_whitespaces = unigram
    proto.normalizer_spec.precompiled_charsmap = bytes(get("ggml.precompiled_charsmap", []))
    for i, (token, score, kind) in enumerate(zip(get("ggml.tokens"), get("ggml.scores"), get("ggml.token_type"))):
        piece = proto.pieces.add()
        piece.piece, piece.score, piece.type = token or f"<empty{i}>", score, 2 if i == unk else CONTROL if kind == 2 else kind
    return sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString()).encode


def published(path):
    texts = path.with_name(path.name + ".inp")
    if not texts.exists():
        return []
    lines = path.with_name(path.name + ".out").read_text().split("\n")
    return [(t, [int(x) for x in l.split()]) for t, l in zip(texts.read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n"), lines)]


def main():
    import pipelines

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--program", type=pathlib.Path, default=HERE.parents[2] / "build/release/bin/backplane")
    parser.add_argument("--n", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    failed = False
    for path in sorted(options.models.glob("ggml-vocab-*.gguf")):
        name = path.stem.removeprefix("ggml-vocab-")
        if options.names and name not in options.names:
            continue
        rows = published(path)
        n_published = len(rows)
        encode = sentence_piece(path)
        if encode is None:
            tokenizer = hugging_face(path)
            encode = tokenizer and (lambda text, t=tokenizer: t.encode(text, add_special_tokens=False).ids)
        if encode:
            texts = [t for t in pipelines.strings(options.seed, options.n) if "\0" not in t]
            rows += [(t, encode(t)) for t in texts]
        if not rows:
            print(f"{name}: nothing to compare with")
            continue
        lines = "".join(json.dumps(t) + "\n" for t, _ in rows)
        out = subprocess.run([options.program, "tokenize", path], input=lines, capture_output=True, text=True, check=True).stdout
        got = [json.loads(line) for line in out.split("\n")[:-1]]
        wrong = [(t, want, ids) for (t, want), ids in zip(rows, got) if want != ids]
        failed = failed or bool(wrong) or len(got) != len(rows)
        print(f"{name}: {len(rows) - len(wrong)} of {len(rows)} equal ({n_published} published)", *[f"\n    {t!r}: {w} not {g}" for t, w, g in wrong[:3]], flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
