# SPDX-License-Identifier: Apache-2.0
"""Writes RESULTS.md, and the figures in models/demo/README.md, from the JSON files that evaluate.py, separate.py and picture.py left in results/.

    report.py --results models/recipe/results --out models/recipe/RESULTS.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from marked import rewrite
from separate import tables

ROOT = Path(__file__).resolve().parents[2]
KINDS = {"number": "a number of 1 to 3 digits", "word": "a word", "five digits": "five digits, said twice"}


def read(path: Path) -> dict:
    """One file of results; all of them must be there."""
    if not path.exists():
        raise SystemExit(f"{path}: missing; models/recipe/README.md names the command that writes it")
    return json.loads(path.read_text())


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A markdown table."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def abilities(models: dict[str, dict]) -> list[str]:
    """One column a model, one row a figure."""
    rows = []
    first = next(iter(models.values()))
    for length in sorted({n for found in models.values() for n in found.get("perplexity", {})}, key=int):
        for key, name in (("perplexity", "perplexity a token"), ("bits_per_byte", "bits per byte")):
            cells = [found.get("perplexity", {}).get(length, {}).get(key) for found in models.values()]
            rows.append([f"{name}, windows of {length}", *("" if c is None else f"{c:.2f}" for c in cells)])
    for kind, name in KINDS.items():
        for length in sorted({n for f in models.values() for n in f.get("needle", {}).get(kind, {})}, key=int):
            cells = [found.get("needle", {}).get(kind, {}).get(length, {}).get("exact", "") for found in models.values()]
            rows.append([f"one fact in {length} tokens, {name}, %", *cells])
    for kind in first.get("several", {}):
        cells = [f"{f['several'][kind]['exact']} ({f['several_length']})" for f in models.values()]
        rows.append([f"one of eight facts, {KINDS[kind]}, % (tokens)", *cells])
    cells = [found.get("copying", {}).get("right", "") for found in models.values()]
    rows.append([f"copied of a passage {first['copying']['distance']} tokens back, %", *cells])
    return table(["", *models], rows)


def depths(found: dict) -> list[str]:
    """Needle answers by depth, all kinds of answer but the five digits."""
    lengths = sorted(found["needle"]["number"], key=int)
    steps = list(found["needle"]["number"][lengths[0]]["by_depth"])
    rows = []
    for length in lengths:
        pairs = [[found["needle"][k][length]["by_depth"][s] for k in ("number", "word")] for s in steps]
        rows.append([length, *(f"{50 * sum(pair):.0f}" for pair in pairs)])
    return table(["tokens", *steps], rows)


def in_short(found: dict) -> list[str]:
    """The model's own README: one line a length, then what is measured at one length."""
    rows = []
    for length in sorted(found["perplexity"], key=int):
        text = found["perplexity"][length]
        needles = (found["needle"][kind][length]["exact"] for kind in KINDS)
        rows.append([length, f"{text['perplexity']:.1f}", f"{text['bits_per_byte']:.3f}", *needles])
    several, copying = found["several"], found["copying"]
    return [
        *table(["context", "perplexity", "bits per byte", *(f"{kind}, %" for kind in KINDS.values())], rows), "",
        f"Among eight facts in {found['several_length']} tokens, one asked for: {several['number']['exact']} % of numbers exact, "
        f"{several['word']['exact']} % of words.",
        f"Of 64 tokens of a passage read {copying['distance']} tokens before, greedy decoding repeats {copying['right']} %."]


def sizes(folders: list[str]) -> list[str]:
    """What the models take in the repository; their READMEs tell of the training, the recipe's of the commands."""
    taken = (sum(f.stat().st_size for f in (ROOT / folder).rglob("*") if f.is_file()) for folder in folders)
    shown = (f"[`{folder}`](../../{folder}/README.md) {size / 1e6:.1f} MB" for folder, size in zip(folders, taken))
    return [f"In the repository: {', '.join(shown)}. Training time and machine: there; exact commands: [README](README.md)."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("models/recipe/results"))
    parser.add_argument("--out", type=Path, default=Path("models/recipe/RESULTS.md"))
    args = parser.parse_args()
    names = {"models/demo": "demo", "models/tiny": "tiny"}
    models = {name: read(args.results / f"{file}.json") for name, file in names.items()}
    picture, separate = read(args.results / "attention.json"), read(args.results / "separate.json")
    text = [
        "# What the bundled models do", "",
        "Written by `report.py` from the files in `results/`. Shares are in per cent with 95 % intervals (Wilson's, or the",
        "bootstrap's where an answer can be half right).", "",
        *sizes(list(names)), "",
        "## The full cache, on held-out books", "", *abilities(models), "",
        "Facts found by `models/demo`, numbers and words together, by depth (0 = start of the text), in per cent:", "",
        *depths(models["models/demo"]), "",
        "## What compression costs", "",
        f"{separate['contexts']} contexts of about {separate['length']} tokens for each task, made by `separate.py`, which also says what the tasks are.",
        "", tables(separate),
        "## Layers and heads", "",
        f"Means over {picture['texts']} held-out texts of {picture['tokens']} tokens (`picture.py`).", "",
        "![effective ranks by layer and entropies by head](results/attention.svg)", ""]
    args.out.write_text("\n".join(text))
    print(args.out)
    rewrite(ROOT / "models/demo/README.md", "figures", in_short(models["models/demo"]))


if __name__ == "__main__":
    main()
