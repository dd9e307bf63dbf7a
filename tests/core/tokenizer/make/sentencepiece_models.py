#!/usr/bin/env python3
"""Writes tests/core/tokenizer/data/NAME.model and sentencepiece.jsonl: small models trained by Google's sentencepiece, with
what it makes of odd strings. A line is {"model": file, "cases": [{"text", "ids", "decoded"}, …]}.

    pip install sentencepiece==0.2.3 && sentencepiece_models.py [--n 40] [--seed 1] [--out FOLDER]
"""
import argparse
import io
import json
import pathlib

import sentencepiece

import pipelines

COMMON = dict(control_symbols=["[MASK]"], hard_vocab_limit=False, num_threads=1)
# Among unigram pieces a user-defined one of spaces has rivals of nearly its score, and rounding decides.
USER = {"bpe": ["<tool>", "▁▁", "\n"], "unigram": ["<tool>", "\n"]}
MODELS = {
    "bpe_bytes": dict(model_type="bpe", vocab_size=700, byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False,
                      normalization_rule_name="identity"),
    "bpe_plain": dict(model_type="bpe", vocab_size=400, add_dummy_prefix=False, remove_extra_whitespaces=False, normalization_rule_name="identity"),
    "bpe_trimmed": dict(model_type="bpe", vocab_size=400, normalization_rule_name="identity", remove_extra_whitespaces=True),
    "unigram_nmt": dict(model_type="unigram", vocab_size=300, normalization_rule_name="nmt_nfkc"),
    "unigram_bytes": dict(model_type="unigram", vocab_size=560, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
    "unigram_suffix": dict(model_type="unigram", vocab_size=300, normalization_rule_name="identity", treat_whitespace_as_suffix=True),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=pipelines.DATA)
    options = parser.parse_args()
    with open(options.out / "sentencepiece.jsonl", "w", encoding="utf-8") as out:
        for number, (name, settings) in enumerate(MODELS.items()):
            blob = io.BytesIO()
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(pipelines.CORPUS * 3), model_writer=blob, minloglevel=2, user_defined_symbols=USER[settings["model_type"]], **(COMMON | settings))
            (options.out / f"{name}.model").write_bytes(blob.getvalue())
            sp = sentencepiece.SentencePieceProcessor(model_proto=blob.getvalue())
            cases = []
            for text in pipelines.strings(options.seed * 1000 + 500 + number, options.n):
                if "\0" in text:
                    continue  # ends the text in sentencepiece's own binding
                ids = sp.encode(text)
                cases.append({"text": text, "ids": ids, "decoded": sp.decode([i for i in ids if i != sp.unk_id()])})
            out.write(json.dumps({"model": f"{name}.model", "cases": cases}, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
