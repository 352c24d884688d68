#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""KVzap surrogates of a model, linear and mlp, learned from one excerpt of each of many books, and how well they predict.

    bench/train_surrogates.py [--kvhost BIN] [--model smollm2] --data FOLDER [--data FOLDER ...] [--books 60] [--out FOLDER]
                              [--work FOLDER] [--threads N] [--table FILE]

`kvhost train kvzap` holds out every twentieth text; with one excerpt a book these are books that nothing was learned from.
Pairs are collected once and serve both types. Excerpts are the --bytes from the middle of each book on, in the order of the
file names; --skip leaves books out that are measured on elsewhere. The table has R2 and Spearman of every layer on the books
held out, the first and last losses of the mlp, times. A stopped run goes on with the same command.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIP = ["carroll-alice.txt", "chesterton-thursday.txt"]  # the bundled suites are measured on them


def excerpts(args, folder: Path) -> list[Path]:
    """One file a book, whole lines of UTF-8."""
    books = sorted(p for data in args.data for p in Path(data).glob("*.txt") if p.name not in SKIP + args.skip)
    out = []
    for book in books:
        raw = book.read_bytes()
        if len(out) == args.books or len(raw) < 4 * args.bytes:
            continue
        middle = raw[len(raw) // 2 :][: args.bytes + 400]
        text = middle.decode("utf-8", errors="ignore")
        out.append(folder / f"{len(out):03d}_{book.name}")
        out[-1].write_text(text.partition("\n")[2][: args.bytes], encoding="utf-8")
    if len(out) < args.books:
        raise SystemExit(f"{len(out)} books of {4 * args.bytes} bytes or more; expected {args.books}: name more folders")
    return out


def trained(args, kind: str, texts: list[Path], work: Path) -> dict:
    out = Path(args.out) / f"kvzap_{kind}.safetensors"
    command = [args.kvhost, "train", "kvzap", "--model", args.model, "--type", kind, "--text-tokens", str(args.text_tokens)]
    command += ["--samples", str(args.samples), "--max-pairs", str(args.max_pairs or args.samples * args.books), "--work", str(work), "-o", str(out)]
    command += ["--threads", str(args.threads)] + [word for text in texts for word in ("--data", str(text))]
    if subprocess.run(command).returncode:
        raise SystemExit(f"kvhost train ended with an error: {' '.join(command[:8])} ...")
    return json.loads(Path(f"{out}.json").read_text())


def table(args, reports: dict) -> str:
    linear, mlp = reports["linear"], reports["mlp"]
    lines = [
        f"{args.model}: {mlp['n_pairs']} tokens of {mlp['n_texts']} books, teacher `{mlp['teacher']}`; collected in "
        f"{(linear['collect_ms'] + mlp['collect_ms']) / 60000:.1f} minutes of this run, fitted in {linear['fit_ms'] / 1000:.1f} s (linear, "
        f"{linear['n_parameters']:,} parameters) and {mlp['fit_ms'] / 1000:.1f} s (mlp, {mlp['n_parameters']:,}).",
        "",
        "| layer | R2 linear | R2 mlp | Spearman linear | Spearman mlp | epochs | validation loss, first and best |",
        "|---|---|---|---|---|---|---|",
    ]
    for a, b in zip(linear["layers"], mlp["layers"], strict=True):
        losses = [epoch["validation_loss"] for epoch in b["curve"]]
        lines.append(
            f"| {a['layer']} | {a['r2']:.3f} | {b['r2']:.3f} | {a['spearman']:.3f} | {b['spearman']:.3f} "
            f"| {len(losses)} | {losses[0]:.3f}, {min(losses):.3f} |"
        )
    mean = [sum(r["layers"][l][k] for l in range(len(r["layers"]))) / len(r["layers"]) for k in ("r2", "spearman") for r in (linear, mlp)]
    lines.append("| mean | " + " | ".join(f"{x:.3f}" for x in mean) + " | | |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--books", type=int, default=60)
    parser.add_argument("--bytes", type=int, default=6000)
    parser.add_argument("--text-tokens", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--max-pairs", type=int, default=0, help="ends the collecting early; the same books in the same order")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", default=".")
    parser.add_argument("--work")
    parser.add_argument("--table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts = excerpts(args, Path(folder))
        work = Path(args.work or Path(args.out) / "pairs")
        reports = {kind: trained(args, kind, texts, work) for kind in ("linear", "mlp")}
    text = table(args, reports)
    print(text)
    if args.table:
        Path(args.table).write_text(text)


if __name__ == "__main__":
    main()
