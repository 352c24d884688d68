# SPDX-License-Identifier: Apache-2.0
"""How far cheap effective ranks (W attention rows, Gram matrix) lie from the exact one (SVD of all rows).

`window` takes the last W rows, `spread` W rows evenly over the prompt and continues their growth as a power law, `static`
is the mean of the exact ranks of the other texts (a profile). Per length: Pearson and Spearman correlation over layers,
and the share of the entries (proportional, no floors) that goes to another layer than with exact ranks.

    python tests/oracle/rank_estimator_study.py --model models/demo --text a.txt --text b.txt --tokens 256 512 1024
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from rank_rules import effective_rank, shares, spearman
from transformers import AutoModelForCausalLM, AutoTokenizer

N_ROWS = (32, 64, 128, 256)


def gram_rank(gram):
    singular = np.sqrt(np.clip(np.linalg.eigvalsh(gram), 0, None))
    p = singular[singular > 1e-10] / singular[singular > 1e-10].sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def window_rank(attention, n_rows):
    rows = attention[-n_rows:].astype(np.float64)
    return gram_rank(rows @ rows.T) / n_rows


def spread_rank(attention, n_rows):
    n_all = len(attention)
    rows = attention[np.linspace(0, n_all - 1, n_rows).round().astype(int)].astype(np.float64)
    gram = rows @ rows.T
    rank = gram_rank(gram)
    if n_rows < n_all:
        half = (gram_rank(gram[::2, ::2]) + gram_rank(gram[1::2, 1::2])) / 2
        rank *= (n_all / n_rows) ** np.clip(np.log2(rank / half), 0, 1)
    return rank / n_all


ESTIMATORS = {"window": window_rank, "spread": spread_rank}


def mean_attention(model, tokens):
    """One [T, T] float32 matrix per layer, averaged over query heads."""
    with torch.no_grad():
        out = model(torch.tensor([tokens]), output_attentions=True, use_cache=False)
    return [a[0].float().mean(0).numpy() for a in out.attentions]


def agreement(estimate, exact):
    return {
        "pearson": float(np.corrcoef(estimate, exact)[0, 1]),
        "spearman": spearman(estimate, exact),
        "misplaced": float(np.abs(shares(estimate) - shares(exact)).sum() / 2),
    }


def study(model, tokens):
    maps = mean_attention(model, tokens)
    start = time.perf_counter()
    exact = [effective_rank(m) for m in maps]
    row = {"n_tokens": len(tokens), "exact": exact, "exact_ms": 1e3 * (time.perf_counter() - start) / len(maps)}
    row["uniform_misplaced"] = float(np.abs(1 / len(maps) - shares(exact)).sum() / 2)
    row["estimates"] = {}
    for name, estimator in ESTIMATORS.items():
        for n_rows in (n for n in N_ROWS if n <= len(tokens)):
            start = time.perf_counter()
            estimate = [estimator(m, n_rows) for m in maps]
            ms = 1e3 * (time.perf_counter() - start) / len(maps)
            row["estimates"][f"{name} {n_rows}"] = agreement(estimate, exact) | {"ranks": estimate, "ms": ms}
    return row


def add_static(rows):
    """A profile from the other texts of the same length."""
    for row in rows:
        others = [r["exact"] for r in rows if r is not row and r["n_tokens"] == row["n_tokens"]]
        if others:
            row["estimates"]["static"] = agreement(np.mean(others, axis=0), row["exact"]) | {"ms": 0.0}


def print_table(rows):
    print("tokens estimate    pearson spearman misplaced (uniform)  ms/layer (exact)")
    for n_tokens in sorted({r["n_tokens"] for r in rows}):
        group = [r for r in rows if r["n_tokens"] == n_tokens]
        uniform = np.mean([r["uniform_misplaced"] for r in group])
        exact_ms = np.mean([r["exact_ms"] for r in group])
        for name in group[0]["estimates"]:
            cells = [r["estimates"][name] for r in group]
            mean = {key: np.mean([c[key] for c in cells]) for key in ("pearson", "spearman", "misplaced", "ms")}
            print(
                f"{n_tokens:6d} {name:11s} {mean['pearson']:7.3f} {mean['spearman']:8.3f} {mean['misplaced']:9.1%} "
                f"({uniform:.1%}) {mean['ms']:10.2f} ({exact_ms:.1f})"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--text", action="append", required=True, help="a text file; may be given several times")
    parser.add_argument("--tokens", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--json", help="write every figure to this file")
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    rows = []
    for path in args.text:
        ids = tokenizer(Path(path).read_text(encoding="utf-8")[:200_000])["input_ids"]
        begin = len(ids) // 2  # past title pages
        for n_tokens in (n for n in args.tokens if begin + n <= len(ids)):
            rows.append(study(model, ids[begin : begin + n_tokens]) | {"text": Path(path).name})
    add_static(rows)
    print_table(rows)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
