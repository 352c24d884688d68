# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/analysis/effective_rank.json: effective ranks and entropies of drawn maps, by NumPy in float64.

    .venv-oracle/bin/python tests/oracle/effective_rank_golden.py

The maps are those that attention makes: causal rows of probabilities, flat, peaked, with a sink, of few distinct rows,
exactly singular; beside them plain matrices. The program reads them from the file as they are.
"""

import json

import numpy as np
from common import ROOT
from rank_rules import effective_rank


def causal(logits):
    hidden = np.triu(np.ones(logits.shape, dtype=bool), 1)
    weights = np.where(hidden, 0, np.exp(logits - np.where(hidden, -np.inf, logits).max(1, keepdims=True)))
    return weights / weights.sum(1, keepdims=True)


def maps(rng):
    def noise(n, scale):
        return scale * rng.standard_normal((n, n))

    sink = noise(48, 1.0)
    sink[:, 0] += 6
    low = rng.standard_normal((56, 3)) @ rng.standard_normal((3, 56))
    return {
        "flat causal": causal(np.zeros((40, 40))),
        "peaked causal": causal(noise(64, 6.0)),
        "mild causal": causal(noise(80, 1.0)),
        "sink": causal(sink),
        "low rank logits": causal(low),
        "mean of heads": np.mean([causal(noise(48, 3.0)) for _ in range(4)], axis=0),
        "identity": np.eye(17),
        "equal rows": np.full((24, 24), 1 / 24),
        "singular": np.kron(np.eye(6), np.full((4, 4), 0.25)),
        "wide": np.abs(noise(30, 1.0))[:12] / 30,
        "tall": np.abs(noise(30, 1.0))[:, :9] / 30,
    }


def row_entropy(matrix):
    positive = np.where(matrix > 0, matrix, 1.0)
    return float(-(matrix * np.log(positive)).sum() / matrix.shape[0])


def main():
    rows = []
    for name, drawn in maps(np.random.default_rng(13)).items():
        matrix = np.round(drawn, 6)  # what is written is what both sides take
        rows.append({
            "name": name, "shape": list(matrix.shape), "values": matrix.flatten().tolist(),
            "effective_rank": effective_rank(matrix), "row_entropy": row_entropy(matrix),
        })  # fmt: skip
    spectra = [[1.0], [3.0, 1.0, 0.5, 1e-11, 0.0], [1e-12, 0.0], np.geomspace(1, 1e-9, 40).tolist()]
    golden = {"maps": rows, "spectra": [{"values": s, "rank": effective_rank(np.diag(s), normalize=False)} for s in spectra]}
    path = ROOT / "tests/golden/analysis/effective_rank.json"
    path.write_text(json.dumps(golden) + "\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
