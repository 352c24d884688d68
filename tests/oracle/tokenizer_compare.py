# SPDX-License-Identifier: Apache-2.0
"""Compares kvhost's tokenizer with the Python ones, id by id, over every line of some books, WikiText-2, whole files and
the hard cases, and checks that decoding gives back the normalised text. Prints a table; exits 1 on any difference.

Run: .venv-oracle/bin/python tests/oracle/tokenizer_compare.py --lines BUILD/tests/host/tokenizer/tokenize_lines
         [--kvhost BUILD/bin/kvhost] [NAME ...]
With --kvhost the program itself is asked too (`kvhost tokenize`), once per text file.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import unicodedata

from tokenizer_common import NAMES, SHARED, TEXTS, folder, hard_cases, lines_of, reference


def ask_lines(args, name, path, *flags):
    command = [args.lines, str(folder(name)), str(path), "--text", *flags]
    out = subprocess.run(command, check=True, capture_output=True).stdout
    return [json.loads(line) for line in out.decode("utf-8").split("\n") if line]


def ask_kvhost(args, name, path):
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "tokens.json"
        command = [args.kvhost, "tokenize", "--tokenizer", folder(name), "-f", path, "--json", out]
        subprocess.run([str(c) for c in command], check=True, capture_output=True)
        return json.loads(out.read_text())["tokens"]


def expected_back(tokenizer, name, text):
    """What decoding must give, told without the library where that can be said in a line."""
    if name in ("pythia", "qwen2"):
        return unicodedata.normalize("NFC", text)
    if name in ("gpt2", "demo"):
        return text
    return tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)


class Row:
    def __init__(self, name, what):
        self.name, self.what = name, what
        self.texts = self.tokens = self.ids = self.decoded = self.back = 0

    def check(self, tokenizer, text, wanted, got):
        self.texts += 1
        self.tokens += len(wanted)
        if got["ids"] != wanted:
            self.ids += 1
            at = next((i for i, (a, b) in enumerate(zip(wanted, got["ids"])) if a != b), -1)
            print(f"  {self.name} {self.what}: at id {at} of {text[:200]!r}: {wanted[at:at+6]} {got['ids'][at:at+6]}")
        if got["text"] != tokenizer.decode(wanted, skip_special_tokens=True):
            self.decoded += 1
            print(f"  {self.name} {self.what}: decoded {got['text'][:200]!r}")
        plain = tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)
        if not got["back"] or plain != expected_back(tokenizer, self.name, text):
            self.back += 1
            print(f"  {self.name} {self.what}: does not come back: {text[:200]!r}")

    def print(self):
        print(f"{self.name:12} {self.what:34} {self.texts:7} {self.tokens:9} {self.ids:5} {self.decoded:8} {self.back:5}")
        return self.ids + self.decoded + self.back


def compare(args, name):
    tokenizer = reference(name)
    wrong = 0

    def run(what, texts, got):
        row = Row(name, what)
        assert len(texts) == len(got), f"{what}: {len(texts)} texts, {len(got)} answers"
        for text, wanted, answer in zip(texts, tokenizer.encode_batch(texts), got):
            row.check(tokenizer, text, wanted.ids, answer)
        return row.print()

    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        cases = [case["text"] for case in hard_cases()]
        json.dump(cases, f)
        f.flush()
        wrong += run("hard cases", cases, ask_lines(args, name, f.name, "--json"))
    for path in TEXTS:
        wrong += run(path + " lines", lines_of(path), ask_lines(args, name, SHARED / path))
        whole = (SHARED / path).read_bytes().decode("utf-8")
        wrong += run(path + " whole", [whole], ask_lines(args, name, SHARED / path, "--whole"))
        if args.kvhost and ask_kvhost(args, name, SHARED / path) != tokenizer.encode(whole).ids:
            print(f"  {name} {path}: `kvhost tokenize` differs")
            wrong += 1
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", required=True)
    parser.add_argument("--kvhost")
    parser.add_argument("names", nargs="*", default=[])
    args = parser.parse_args()
    print(f"{'tokenizer':12} {'text':34} {'texts':>7} {'tokens':>9} {'ids!=':>5} {'decode!=':>8} {'back!=':>5}")
    wrong = sum(compare(args, name) for name in args.names or NAMES)
    print("no difference" if wrong == 0 else f"{wrong} differences")
    sys.exit(1 if wrong else 0)


main()
