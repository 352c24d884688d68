# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/score_fusion.json: what CombSUM and CombMAX make of made-up scores of a layer, in float64 and nothing but
Python. Fox and Shaw, Combination of Multiple Searches (TREC-2, 1994); min_max as Lee, Analyses of Multiple Evidence Combination
(SIGIR 1997).

usage: score_fusion_golden.py
"""
import json
import pathlib
import random
import statistics

OUT = pathlib.Path(__file__).resolve().parents[1] / "golden" / "score_fusion.json"
HEADS, ENTRIES = 2, 9


def made_up(rng, scale, shift, n_pinned):
    scores = [[round(shift + scale * rng.gauss(0, 1), 6) for _ in range(ENTRIES)] for _ in range(HEADS)]
    pins = [[1 if i >= ENTRIES - n_pinned else 0 for i in range(ENTRIES)] for _ in range(HEADS)]
    return {"scores": scores, "pins": pins}


def scaled(table, normalize, weight):
    free = [s for row, pins in zip(table["scores"], table["pins"]) for s, pin in zip(row, pins) if pin <= 0]
    low, high = min(free), max(free)
    mean, deviation = statistics.fmean(free), statistics.pstdev(free)

    def of(score):
        if normalize == "min_max":
            return weight * (score - low) / (high - low) if high > low else 0.0
        if normalize == "z_score":
            return weight * (score - mean) / deviation if deviation > 0 else 0.0
        return weight * score

    return [[of(high) if pin > 0 else of(s) for s, pin in zip(row, pins)]
            for row, pins in zip(table["scores"], table["pins"])]


def fused(tables, rule, normalize, weights):
    weights = weights or [1 / len(tables)] * len(tables)
    parts = [scaled(table, normalize, weight) for table, weight in zip(tables, weights)]
    join = sum if rule == "weighted_sum" else max
    return {"scores": [[join(part[h][i] for part in parts) for i in range(ENTRIES)] for h in range(HEADS)],
            "pins": [[max(t["pins"][h][i] for t in tables) for i in range(ENTRIES)] for h in range(HEADS)]}


def main():
    rng = random.Random(16)
    tables = [made_up(rng, 1e-3, 2e-3, 2), made_up(rng, 3, -8, 0), made_up(rng, 0, 0.25, 1)]
    tables[1]["pins"][0][0] = -1  # the one would have it gone
    cases = [{"rule": rule, "normalize": normalize, "weights": weights, "n": n,
              "expected": fused(tables[:n], rule, normalize, weights)}
             for rule in ("weighted_sum", "max") for normalize in ("min_max", "z_score", "none")
             for n, weights in ((1, None), (2, None), (2, [0.7, 0.3]), (3, [2.0, 0.0, 1.0]))]
    OUT.write_text(json.dumps({"tables": tables, "cases": cases}, indent=1) + "\n")


main()
