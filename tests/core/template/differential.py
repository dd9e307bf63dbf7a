#!/usr/bin/env python3
"""Compares our templates with jinja2 as transformers sets it up: same text, or both refuse.

    pip install jinja2
    cmake --build build/release --target template_render_lines
    differential.py [--templates FOLDER] [--seed N] [--n N] [--write FILE] build/release/bin/template_render_lines

Without --templates: random templates over random values. With it: every *.jinja of the folder over random conversations
(those of llama.cpp's models/templates are a good folder). Prints each difference; exit code 1 where there is one.
"""

import argparse
import datetime
import json
import pathlib
import random
import subprocess
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

from random_chats import conversation
from random_templates import Templates, context

NOW = "2026-11-23T12:00:00"


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.Scope(body).set_lineno(line)

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda fmt: datetime.datetime.fromisoformat(NOW).strftime(fmt)
    return env


class Rendered:
    """A process of ours that renders line by line."""

    def __init__(self, program):
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, template, variables):
        self.child.stdin.write(json.dumps({"template": template, "variables": variables, "now": NOW}) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"our program ended at {template!r}")
        return json.loads(line)


def reference(env, cache, template, variables):
    try:
        if template not in cache:
            if len(cache) > 500:
                cache.clear()
            cache[template] = env.from_string(template)
        return cache[template].render(**variables)
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


def shown(name, source, values, expected, got):
    """What to print of one difference."""
    lines = [f"--- {name}"]
    if source is not None:
        lines += [f"template {source!r}"[:600], f"values   { {n: v for n, v in values.items() if n in source}!r}"[:600]]
    if isinstance(expected, dict) or isinstance(got, dict):
        return lines + [f"expected {expected!r}"[:400], f"got      {got!r}"[:400]]
    at = next((i for i, (p, q) in enumerate(zip(expected, got)) if p != q), min(len(expected), len(got)))
    return lines + [f"expected {t[max(0, at - 60) : at + 80]!r}" for t in (expected, got)]


def cases(sources, seed, n):
    """(name, file or None, template, variables) of each case."""
    for k in range(n):
        r = random.Random(seed * 1_000_003 + k)
        variables = conversation(r) if sources else context(r)
        for name, source in sources.items():
            yield f"{name} seed {seed} case {k}", name, source, variables
        for i in range(0 if sources else 40):
            templates = Templates(r)
            source = templates.block(3) if i % 2 else "{{ " + templates.expr(r.randint(1, 4)) + " }}"
            yield f"seed {seed} case {k}.{i}", None, source, variables


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--templates", type=pathlib.Path)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--n", type=int, default=200)
    ap.add_argument("--show", type=int, default=20)
    ap.add_argument("--write", type=pathlib.Path, help="what agrees, as JSON lines for a test that needs no jinja2")
    ap.add_argument("program")
    a = ap.parse_args()
    env, cache, ours = environment(), {}, Rendered(a.program)
    files = sorted(a.templates.glob("*.jinja")) if a.templates else []
    n_all = n_refused = n_different = 0
    written = []
    for name, file, source, values in cases({p.stem: p.read_text(encoding="utf-8") for p in files}, a.seed, a.n):
        expected, got = reference(env, cache, source, values), ours(source, values)
        if isinstance(expected, str) and "0x" in expected.lower():  # the address of a Python object
            continue
        n_all += 1
        refused = isinstance(expected, dict)
        n_refused += refused
        if expected != got and not (refused and isinstance(got, dict)):
            n_different += 1
            if n_different <= a.show:
                print("\n".join(shown(name, None if file else source, values, expected, got)))
            continue
        row = {"file": file} if file else {"template": source}
        row["variables"] = values if file else {n: v for n, v in values.items() if n in source}
        written.append(row | ({"refused": True} if refused else {"rendered": expected}))
    if a.write:
        a.write.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in written), encoding="utf-8")
    print(f"{n_different} of {n_all} differ; the reference refuses {n_refused}")
    return 1 if n_different else 0


if __name__ == "__main__":
    sys.exit(main())
