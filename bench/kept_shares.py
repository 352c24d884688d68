#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What share of texts KVzap with a threshold keeps, and how far it differs from text to text.

    bench/kept_shares.py [--kvhost BIN] [--model NAME] --data FOLDER [--data FOLDER ...] [--texts 12] [--tokens 1000]
                         [--threshold X ...] [--type linear|mlp ...] [--table FILE]

Reads the middle of each text with `dms(threshold=X):kvzap(model_type=...)` and prints the mean, lowest and highest share of
entries kept; the last 128 tokens of a text always are.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parents[1]


def texts(args, folder: Path) -> list[Path]:
    out = []
    for book in sorted(p for data in args.data for p in Path(data).glob("*.txt"))[:: args.every]:
        raw = book.read_bytes()
        if len(out) == args.texts or len(raw) < 40000:
            continue
        out.append(folder / book.name)
        out[-1].write_text(raw[len(raw) // 2 :][: 6 * args.tokens].decode("utf-8", errors="ignore"), encoding="utf-8")
    return out


def share(args, text: Path, press: str) -> float:
    out = text.with_suffix(".json")
    command = [args.kvhost, "run", "-f", str(text), "--max-prompt-tokens", str(args.tokens), "--press", press, "-n", "1", "--quiet"]
    command += ["--json", str(out), "--threads", str(args.threads)] + (["--model", args.model] if args.model else [])
    done = subprocess.run(command, stdout=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"exit {done.returncode}: {' '.join(command)}")
    report = json.loads(out.read_text())
    kept = sum(sum(layer["n_kept"]) for layer in report["layers"])
    heads = sum(len(layer["n_kept"]) for layer in report["layers"])
    return kept / (heads * report["n_prompt_tokens"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--model")
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--every", type=int, default=3, help="takes every third file")
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--threshold", type=float, action="append")
    parser.add_argument("--type", action="append", choices=["linear", "mlp"])
    parser.add_argument("--table")
    args = parser.parse_args()
    lines = ["| surrogate | threshold | kept, mean | standard deviation | lowest | highest |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        files = texts(args, Path(folder))
        for kind in args.type or ["linear", "mlp"]:
            for threshold in args.threshold or [-7, -6, -5, -4, -3]:
                press = f"dms(threshold={threshold:g}):kvzap(model_type={kind})"
                shares = [share(args, text, press) for text in files]
                cells = [mean(shares), stdev(shares), min(shares), max(shares)]
                lines.append(f"| {kind} | {threshold:g} | " + " | ".join(f"{100 * x:.1f} %" for x in cells) + " |")
                print(lines[-1], flush=True)
    text = f"{len(files)} texts of {args.tokens} tokens, {args.model or 'the bundled model'}\n\n" + "\n".join(lines) + "\n"
    print(text)
    if args.table:
        Path(args.table).write_text(text)


if __name__ == "__main__":
    main()
