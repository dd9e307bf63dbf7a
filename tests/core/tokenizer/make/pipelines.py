#!/usr/bin/env python3
"""Writes tests/core/tokenizer/data/pipelines.jsonl: small tokenizer.json files, one for each part of a pipeline that we
execute, with what Hugging Face's tokenizers make of odd strings. A line is
    {"model": the "model" of a file}, numbered from 0, or
    {"name", "model": its number, "tokenizer": the rest of the file, "cases": [{"text", "ids", "special_ids", "decoded"}, …]}
special_ids with what the post-processor adds; decoded is decode(ids) with special tokens skipped.

    pip install tokenizers==0.23.3 && pipelines.py [--n 24] [--seed 1] [--out FILE]
"""
import argparse
import base64
import json
import pathlib
import random
import struct

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
CORPUS = ["The quick brown fox doesn't jump over the lazy dog; it's 3.14 o'clock on 2026-11-23.",
          "naïve café Ünïcödé straße İstanbul œuvre ÆØÅ", "Привет мир, как дела? Ελληνικά κείμενο",
          "中文大模型推理 日本語カタカナひらがな 한국어 띄어쓰기", "int main() { return foo_bar(x, y) ** 2; }\n\tif (a != b) {}",
          "हिन्दी বাংলা தமிழ் ไทย العربية עברית", "🦙 🚀 👩‍👩‍👧‍👦 🇫🇷 ½ ² ① ｆｕｌｌ ﬁ ™", "a  b   c\n\n d\te \r\n f"] * 4
WORDS = ("the of and Token don't WE'LL I'm it's 3.14 1,000,000 2026-11-23 https://a.b/c?d=e&f=g foo_bar camelCase HTTPServer ABCdef "
         "naïve café Ünïcödé straße ÆØÅ İstanbul Привет Ελληνικά עברית العربية हिन्दी বাংলা ไทย 中文 大模型 日本語 カタカナ 한국어 አማርኛ 🦙 "
         "👩‍👩‍👧‍👦 🇫🇷 ½ ² ① Ⅷ ｆｕｌｌ ﬁ ™ ∑ “quoted” ‘x’ … — <s> </s> [MASK] <tool> ⟦tok⟧ !!! ??? @@ ## ** ~~ \u200b \u00a0 \u3000 \u2028 \u0085 "
         "e\u0301 n\u0303 a\u0323\u0301 \u0915\u094d\u0937 \U0001d400 \U00020000 \u0130 \u017f \u212a ſ's \x00 \x07 \u00ad \ufeff \ufffd \u2581x ▁▁ "
         "\u1e9b\u0323 \uac00\u11a8 \u0344 \u1112\u1161\u11ab").split(" ")
SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\t", " \n", "\r\n", "", "", "            "]


def strings(seed, n):
    rng = random.Random(seed)
    out = ["", " ", "  a", "a ", "\n", "Hello, y'all! How are you 😁 ?", "A" * 150 + " b", "<s>a</s> <tool> b", "x<tool>y ⟦tok⟧ z"]
    while len(out) < n:
        out.append("".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(rng.randint(1, 10))))
    return out


def trained_bpe(alphabet=False, n=600, **options):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>" if not alphabet else None, **options))
    if alphabet:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=n, special_tokens=["<unk>", "<s>", "</s>"] if not alphabet else ["<s>", "</s>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [], show_progress=False,
                                  continuing_subword_prefix=options.get("continuing_subword_prefix") or "",
                                  end_of_word_suffix=options.get("end_of_word_suffix") or "")
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def with_bytes(tokenizer):
    """The same BPE with byte tokens and fallback to them."""
    data = json.loads(tokenizer.to_str())
    vocab = data["model"]["vocab"]
    for b in range(256):
        vocab[f"<0x{b:02X}>"] = len(vocab)
    data["model"]["byte_fallback"] = True
    data["model"]["fuse_unk"] = True
    return Tokenizer.from_str(json.dumps(data))


def unigram(byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(vocab_size=300, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>",
                                                                  show_progress=False))
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = []
    if byte_fallback:
        data["model"]["vocab"] += [[f"<0x{b:02X}>", 0.0] for b in range(256)]
        data["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(data))


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[MASK]"],
                                                                    show_progress=False))
    return tokenizer


def chars_map(rules):
    """A precompiled charsmap: a double array in darts-clone's layout, built the slow way, and the replacements."""
    trie, blob = {}, b""
    for source, target in rules.items():
        node = trie
        for byte in source.encode():
            node = node.setdefault(byte, {})
        node[-1] = len(blob)
        blob += target.encode() + b"\0"
    units, used = {0: 0}, {0}

    def place(node, at):
        labels = [k for k in node if k >= 0]
        offset = 1
        while True:  # children stand at (at ^ offset) ^ label, a value at (at ^ offset)
            base = at ^ offset
            cells = [base ^ label for label in labels] + ([base] if -1 in node else [])
            if not any(c in used for c in cells) and offset < 1 << 21:
                break
            offset += 1
        used.update(cells)
        units[at] = units.get(at, 0) | offset << 10 | (1 << 8 if -1 in node else 0)
        if -1 in node:
            units[base] = 1 << 31 | node[-1]
        for label in labels:
            units[base ^ label] = label
        for label in labels:
            place(node[label], base ^ label)

    place(trie, 0)
    size = (max(units) | 0xFF) + 1
    array = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size))
    return struct.pack("<I", len(array)) + array + blob


RULES = {"ﬁ": "fi", "™": "TM", "½": "1⁄2", "ｆ": "f", "ｕ": "u", "ｌ": "l", "\u00a0": " ", "\u3000": " ", "\t": " ", "\n": " ", "e\u0301": "é",
         "\u200b": "", "①": "1", "Ⅷ": "VIII", "\u0085": " ", "…": "...", "\u00ad": ""}
SPECIAL = [AddedToken("<s>", special=True), AddedToken("</s>", special=True), AddedToken("[MASK]", special=True, lstrip=True),
           AddedToken("<tool>", rstrip=True, normalized=False), AddedToken("⟦tok⟧", single_word=True)]


def pipelines():
    bpe, spm, uni, wp = trained_bpe(alphabet=True), trained_bpe(), unigram(), word_piece()
    fallback, uni_fallback = with_bytes(spm), unigram(True)
    split = lambda pattern, behavior="isolated", invert=False: pre_tokenizers.Split(pattern, behavior, invert)
    level = lambda prefix=False, regex=True: pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)

    def make(base, pre=None, normalizer=None, decoder=None, post=None, added=(), change=None):
        data = json.loads(base.to_str())
        data.update(normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None)
        if change:
            change(data)
        tokenizer = Tokenizer.from_str(json.dumps(data))
        if normalizer: tokenizer.normalizer = normalizer
        if pre: tokenizer.pre_tokenizer = pre
        if decoder: tokenizer.decoder = decoder
        tokenizer.add_tokens(list(added))
        if post: tokenizer.post_processor = post(tokenizer)
        return tokenizer

    for prefix in (False, True):
        yield f"byte level, prefix {prefix}", make(bpe, level(prefix), decoder=decoders.ByteLevel(), added=SPECIAL)
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
        yield f"normalizer {form}", make(bpe, level(), getattr(normalizers, form)(), decoders.ByteLevel(), added=SPECIAL)
    yield "normalizer Sequence", make(bpe, level(), normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()]), decoders.ByteLevel())
    yield "normalizer Strip left", make(bpe, level(), normalizers.Strip(right=False), decoders.ByteLevel(), added=SPECIAL)
    yield "normalizer Replace Regex", make(bpe, level(), normalizers.Sequence([normalizers.Replace(Regex(r"\s+"), " "), normalizers.Replace("the", "THE")]), decoders.ByteLevel())
    yield "normalizer ByteLevel", make(bpe, split(Regex(r"\w+|[^\w\s]+")), normalizers.ByteLevel(), decoders.ByteLevel())
    patterns = {
        "llama 3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "qwen 2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "qwen 3.5": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "minicpm 5": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "ufakzeka": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "gpt-4o": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "tekken": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "tiny aya": r"\d{1,3}(?=(?:\d{3})*\b)",
        "general": r"[A-Z][a-z]*|\d+(?:\.\d+)?|[^\S\n]+|\S",
    }
    for name, pattern in patterns.items():
        yield f"split {name}", make(bpe, pre_tokenizers.Sequence([split(Regex(pattern)), level(regex=False)]), decoder=decoders.ByteLevel(), added=SPECIAL)
    yield "split deepseek-v3", make(bpe, pre_tokenizers.Sequence([
        split(Regex(r"\p{N}{1,3}")), split(Regex("[一-龥\u3040-ゟ゠-ヿ]+")),
        split(Regex("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")),
        level(regex=False)]), decoder=decoders.ByteLevel())
    yield "falcon", make(bpe, pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), level(), pre_tokenizers.Digits(False), split(Regex("[0-9][0-9][0-9]"))]), decoder=decoders.ByteLevel())
    yield "steps behind ByteLevel", make(bpe, pre_tokenizers.Sequence([level(), pre_tokenizers.Digits(True), split("Ġ", "merged_with_next")]), decoder=decoders.ByteLevel())
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            yield f"split {behavior} {invert}", make(bpe, pre_tokenizers.Sequence([split(Regex(r"[aeiou ]"), behavior, invert), level(regex=False)]), decoder=decoders.ByteLevel())
        yield f"punctuation {behavior}", make(bpe, pre_tokenizers.Sequence([pre_tokenizers.Punctuation(behavior), level(regex=False)]), decoder=decoders.ByteLevel())
    for name, pre in {"Whitespace": pre_tokenizers.Whitespace(), "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(), "BertPreTokenizer": pre_tokenizers.BertPreTokenizer(),
                      "Digits": pre_tokenizers.Digits(True), "Digits runs": pre_tokenizers.Digits(False), "CharDelimiterSplit": pre_tokenizers.CharDelimiterSplit("e")}.items():
        yield f"pre-tokenizer {name}", make(spm, pre, decoder=decoders.Fuse())
        yield f"pre-tokenizer {name}, bytes", make(bpe, pre_tokenizers.Sequence([pre, level(regex=False)]), decoder=decoders.ByteLevel())
    for scheme in ("always", "first", "never"):
        for cut in (False, True):
            yield f"Metaspace {scheme} {cut}", make(spm, pre_tokenizers.Metaspace(prepend_scheme=scheme, split=cut), decoder=decoders.Metaspace(prepend_scheme=scheme), added=SPECIAL)
    llama = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    template = lambda t: processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A $B", special_tokens=[("<s>", t.token_to_id("<s>")), ("</s>", t.token_to_id("</s>"))])
    yield "llama 2", make(fallback, None, normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), llama, template, SPECIAL[:4])
    yield "gemma", make(fallback, split(" ", "merged_with_previous"), normalizers.Replace(" ", "▁"), decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]), template)
    yield "ignore_merges", make(bpe, level(), decoder=decoders.ByteLevel(), change=lambda d: d["model"].update(ignore_merges=True, merges=d["model"]["merges"][40:]))
    yield "fuse_unk", make(spm, pre_tokenizers.Metaspace(), decoder=decoders.Metaspace(), change=lambda d: d["model"].update(fuse_unk=True))
    yield "merges as text", make(spm, pre_tokenizers.Metaspace(), decoder=decoders.Metaspace(), change=lambda d: d["model"].update(merges=[" ".join(m) for m in d["model"]["merges"]]))
    yield "word suffix", make(trained_bpe(n=400, end_of_word_suffix="</w>"), pre_tokenizers.Whitespace(), normalizers.Lowercase(), decoders.BPEDecoder(), added=SPECIAL)
    yield "word prefix", make(trained_bpe(n=400, continuing_subword_prefix="##"), pre_tokenizers.Whitespace(), decoder=decoders.WordPiece())
    yield "no decoder", make(spm, pre_tokenizers.Metaspace())
    yield "Strip decoder", make(spm, pre_tokenizers.Metaspace(), decoder=decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 1)]))
    precompiled = normalizers.Precompiled(chars_map(RULES))
    for name, model in {"unigram": uni, "unigram with bytes": uni_fallback}.items():
        decoder = decoders.Metaspace() if model is uni else llama
        yield name, make(model, pre_tokenizers.Metaspace(), decoder=decoder, added=SPECIAL)
        yield f"{name}, xlm", make(model, pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]), precompiled, decoder, template, SPECIAL)
        yield f"{name}, whole", make(model, pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
                                     normalizers.Sequence([precompiled, normalizers.Strip(left=False), normalizers.Replace(Regex(" {2,}"), "▁")]), decoder)
    bert = lambda t: processors.BertProcessing(("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]")))
    roberta = lambda t: processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")))
    for lower in (True, False):
        yield f"bert {lower}", make(wp, pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(lowercase=lower), decoders.WordPiece(), bert, SPECIAL)
    yield "bert, accents kept", make(wp, pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(strip_accents=False, handle_chinese_chars=False), decoders.WordPiece(cleanup=False))
    yield "bert, uncleaned", make(wp, pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(clean_text=False), decoders.WordPiece())
    yield "roberta", make(bpe, level(True), decoder=decoders.ByteLevel(), post=roberta)
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(["[UNK]", "the", "of", "and", "a", ".", "foo_bar", "中文"])}, unk_token="[UNK]"))
    yield "WordLevel", make(words, pre_tokenizers.Whitespace())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=DATA / "pipelines.jsonl")
    options = parser.parse_args()
    known = {}  # a model, as text, to its number
    with open(options.out, "w", encoding="utf-8") as out:
        write = lambda row: out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
        for number, (name, tokenizer) in enumerate(pipelines()):
            cases = []
            for text in strings(options.seed * 1000 + number, options.n):
                case = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids, "special_ids": tokenizer.encode(text).ids}
                try:
                    case["decoded"] = tokenizer.decode(case["ids"])
                except BaseException:  # the Strip decoder panics on some texts
                    pass
                cases.append(case)
            data = json.loads(tokenizer.to_str())
            model = json.dumps(data.pop("model"))
            if model not in known:
                known[model] = len(known)
                write({"model": json.loads(model)})
            write({"name": name, "model": known[model], "tokenizer": data, "cases": cases})


if __name__ == "__main__":
    main()
