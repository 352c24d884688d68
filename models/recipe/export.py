# SPDX-License-Identifier: Apache-2.0
"""Writes a run's checkpoint as a Hugging Face folder: Llama, tied embedding, bfloat16.

    export.py --run .cache/recipe/long --shape demo --tokenizer models/demo/tokenizer.json --out models/demo
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from model import SHAPES, Llama
from weights import save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of train.py with checkpoint.pt")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="demo")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    kept = torch.load(args.run / "checkpoint.pt", weights_only=True)
    model = Llama(SHAPES[args.shape])
    model.load_state_dict(kept["model"])
    save(model, args.tokenizer, args.out)
    minutes = (kept["end"] - kept["started"]) / 60
    print(f"{args.out}: step {kept['step']}, {kept['tokens'] / 1e6:.2f}M tokens of a run of {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
