#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a model's static rank profile: the mean effective rank of every layer's attention over texts.

    scripts/rank_profile.py --model models/demo --tokens 1024 --skip 20000 --out models/demo/rank_profile.json BOOK.txt ...

Each text gives one sample of --tokens tokens, after its first --skip characters (title pages). The ranks are kvhost's own
exact ones (singular values of the head-averaged attention, normalised): no Python package is needed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PRESS = "rankkv(profile=none,estimator=exact):knorm"


def observed(kvhost, model, text, tokens):
    with tempfile.TemporaryDirectory() as folder:
        prompt, out = Path(folder, "prompt.txt"), Path(folder, "budgets.json")
        prompt.write_text(text, encoding="utf-8")
        command = [kvhost, "run", "--model", model, "-f", prompt, "--max-prompt-tokens", str(tokens), "--press", PRESS,
                   "-n", "0", "--dtype", "float32", "--dump-budgets", out, "--quiet"]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        return [layer["observed"] for layer in json.loads(out.read_text())["layers"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default="build/release/bin/kvhost")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--skip", type=int, default=20000, help="characters to leave out at the start")
    parser.add_argument("--out", required=True)
    parser.add_argument("texts", nargs="+")
    args = parser.parse_args()
    samples = []
    for text in args.texts:
        body = Path(text).read_text(encoding="utf-8")[args.skip:][: args.tokens * 16]
        samples.append(observed(args.kvhost, args.model, body, args.tokens))
        print(Path(text).name, " ".join(f"{rank:.4f}" for rank in samples[-1]), file=sys.stderr)
    by_layer = list(zip(*samples))
    profile = {
        "schema": 1,
        "ranks": [round(statistics.fmean(layer), 6) for layer in by_layer],
        "std": [round(statistics.pstdev(layer), 6) for layer in by_layer],
        "n_tokens": args.tokens,
        "texts": [Path(text).name for text in args.texts],
        "made_with": "scripts/rank_profile.py",
    }
    Path(args.out).write_text(json.dumps(profile, indent=2) + "\n")


if __name__ == "__main__":
    main()
