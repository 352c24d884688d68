# SPDX-License-Identifier: Apache-2.0
"""What tokenizer_golden.py and tokenizer_compare.py share: the reference tokenizers, the texts, the hashes."""

import json
import os
import pathlib

import tokenizers
from transformers import GPT2TokenizerFast, Qwen2TokenizerFast

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("KVHOST_SHARED", SOURCE.parent / "shared"))
HARD_CASES = SOURCE / "tests/host/tokenizer/hard_cases.json"

# Books of PG-19: plain ASCII, much French and Greek, curly quotes, verse, accents.
BOOKS = [f"data/pg19/{n}.txt" for n in ("10146", "26183", "47068", "50287", "51410", "56410", "9931")]
TEXTS = BOOKS + ["data/wikitext2/wiki.test.raw.txt"]
BLOCK = 500  # lines per hash

NAMES = ("pythia", "gpt2", "qwen2", "stories260k", "demo", "small")


def folder(name):
    if name == "small":
        return SOURCE / "tests/host/tokenizer/small"
    if name == "demo":
        committed = SOURCE / "models/demo"
        return committed if (committed / "tokenizer.json").exists() else SHARED / "models/demo_prototype"
    return SHARED / ("models" if name == "stories260k" else "tokenizers") / name


def reference(name):
    """The library's tokenizer: from tokenizer.json, or as transformers builds it from vocab.json and merges.txt."""
    where = folder(name)
    if (where / "tokenizer.json").exists():
        return tokenizers.Tokenizer.from_file(str(where / "tokenizer.json"))
    cls = {"gpt2": GPT2TokenizerFast, "qwen2": Qwen2TokenizerFast}[name]
    return cls.from_pretrained(where).backend_tokenizer


def hard_cases():
    return json.loads(HARD_CASES.read_text())


def lines_of(path):
    parts = (SHARED / path).read_bytes().decode("utf-8").split("\n")
    return parts[:-1] if parts[-1] == "" else parts


FNV_START = 0xCBF29CE484222325


def fnv1a_bytes(data, h=FNV_START):
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def fnv1a(ids, h=FNV_START):
    """FNV-1a 64 over the ids, four bytes each, least first; then over 0xffffffff, which ends a list."""
    return fnv1a_bytes(b"".join(i.to_bytes(4, "little") for i in [*ids, 0xFFFFFFFF]), h)
