# SPDX-License-Identifier: Apache-2.0
"""Renders every chat template of several packages with every conversation of conversations.json, by transformers and by
the C++ renderer; prints a table and exits 1 where a text, or the message of raise_exception, differs.

Run: make the target render_chat, then
     .venv-oracle/bin/python tests/oracle/chat_template_compare.py [--renderer PROGRAM] [--packages DIR] [FILE.jinja ...]
The packages are fetched from the package index into DIR (default: a temporary folder), never installed; only their
templates are read. llama-cpp-python comes as its source, which carries llama.cpp's collection.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

from chat_template_common import GOLDEN, SOURCE, TOKENS, conversations, rendered

PACKAGES = {"llama-cpp-python==0.3.36": "sdist", "axolotl==0.19.0": "wheel", "trl==1.16.0": "wheel"}


def download(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for package, kind in PACKAGES.items():
        if any(folder.glob(package.split("==")[0].replace("-", "_") + "-*")):
            continue
        how = ["--no-binary", ":all:", "--no-build-isolation"] if kind == "sdist" else ["--only-binary", ":all:"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *how, "-d", str(folder)]
        subprocess.run([*pip, "--python-version", "3.12", package] if kind == "wheel" else [*pip, package], check=True)


def templates_in(archive):
    """(name, text) of every .jinja file."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as whole:
            for name in whole.namelist():
                if name.endswith(".jinja"):
                    yield name, whole.read(name).decode()
    else:
        with tarfile.open(archive) as whole:
            for member in whole:
                if member.name.endswith(".jinja"):
                    yield member.name, whole.extractfile(member).read().decode()


def all_templates(args):
    for path in args.files:
        yield str(path), path.read_bytes().decode()
    if args.files:
        return
    for path in sorted(GOLDEN.glob("*/template.jinja")):
        yield f"committed/{path.parent.name}", path.read_bytes().decode()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.packages or pathlib.Path(temporary)
        download(folder)
        for archive in sorted(folder.iterdir()):
            for name, text in sorted(templates_in(archive)):
                yield f"{archive.name.split('-')[0]}/{pathlib.Path(name).name}", text


def same(expected, got):
    if "text" in expected or "text" in got:
        return expected.get("text") == got.get("text")
    return expected["raised"] == got["raised"] and (not expected["raised"] or expected["error"] == got["error"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--renderer", type=pathlib.Path, default=SOURCE / "build/release/tests/host/tokenizer/render_chat")
    parser.add_argument("--packages", type=pathlib.Path)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    cases = conversations()
    differing = total = refused = count = 0
    for name, text in all_templates(args):
        jobs = [json.dumps({"template": text, "tokens": TOKENS, **case}) for case in cases]
        run = subprocess.run([args.renderer], input="\n".join(jobs) + "\n", capture_output=True, text=True, check=True)
        answers = [json.loads(line) for line in run.stdout.split("\n") if line]
        expected = [rendered(text, case) for case in cases]
        bad = [c["name"] for c, e, a in zip(cases, expected, answers, strict=True) if not same(e, a)]
        errors = sum("error" in e for e in expected)
        print(f"{name:70} {len(cases) - errors:3} texts {errors:3} refused  " + (f"DIFFER: {bad}" if bad else "equal"))
        count, total, refused, differing = count + 1, total + len(cases), refused + errors, differing + len(bad)
    print(f"{count} templates, {total} renderings ({refused} refused by both): {differing} differ")
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
