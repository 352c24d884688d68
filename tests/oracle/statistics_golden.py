# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/tasks/statistics.json: what NumPy and SciPy say of drawn values.

    .venv-oracle/bin/python tests/oracle/statistics_golden.py

The bootstrap is ours drawn anew: the same generator (xoshiro256** through splitmix64, written here from its definition)
picks the resamples, NumPy takes their means and percentiles. SciPy's own bootstrap of the same values must be near.
"""

import json

import numpy as np
from common import ROOT
from scipy import stats

MASK = (1 << 64) - 1
N_RESAMPLES = 2000


class Xoshiro:
    def __init__(self, seed: int):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & MASK
            z = seed
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
            self.s.append(z ^ (z >> 31))

    def bits(self) -> int:
        def rotl(x, k):
            return ((x << k) | (x >> (64 - k))) & MASK

        s = self.s
        out = (rotl((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return out

    def below(self, n: int) -> int:
        while (x := self.bits()) < (1 << 64) % n:
            pass
        return x % n


def bootstrap(values: np.ndarray, seed: int) -> list:
    rng = Xoshiro(seed)
    n = len(values)
    means = [values[[rng.below(n) for _ in range(n)]].mean() for _ in range(N_RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=N_RESAMPLES, rng=0).confidence_interval
    width = theirs.high - theirs.low
    assert abs(low - theirs.low) < 0.15 * width and abs(high - theirs.high) < 0.15 * width
    return [low, high]


def pair(rng: np.random.Generator, seed: int, n: int) -> dict:
    a = rng.normal(0.5, 0.2, n).round(2 if seed % 2 else 6)  # rounded: ties
    b = (a + rng.normal(0.05, 0.1, n)).round(2 if seed % 2 else 6)
    test = stats.ttest_rel(a, b)
    t = test.confidence_interval(0.95)
    return {
        "a": a.tolist(), "b": b.tolist(), "seed": seed, "n_resamples": N_RESAMPLES,
        "mean": a.mean(), "standard_deviation": a.std(ddof=1), "median": float(np.median(a)),
        "percentiles": {str(p): float(np.percentile(a, p)) for p in (0, 2.5, 10, 33.3, 50, 90, 99, 100)},
        "mean_interval": [float(x) for x in stats.t.interval(0.95, n - 1, a.mean(), stats.sem(a))],
        "pearson": float(stats.pearsonr(a, b).statistic), "spearman": float(stats.spearmanr(a, b).statistic),
        "cosine": float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)),
        "difference": float((a - b).mean()), "student_t": [float(t.low), float(t.high)], "p_value": float(test.pvalue),
        "bootstrap": bootstrap(a - b, seed),
    }  # fmt: skip


def main() -> None:
    rng = np.random.default_rng(13)
    probabilities = [0.0005, 0.005, 0.025, 0.05, 0.4, 0.5, 0.9, 0.975, 0.995, 0.9999]
    degrees = [1, 2, 3, 4.5, 9, 15, 31, 99, 499, 100000]
    first = Xoshiro(42)
    golden = {
        "bits": [str(first.bits()) for _ in range(8)],
        "pairs": [pair(rng, seed, n) for seed, n in enumerate((3, 5, 16, 40, 200))],
        "quantiles": [[p, d, float(stats.t.ppf(p, d))] for d in degrees for p in probabilities],
        "below": [[t, d, float(stats.t.cdf(t, d))] for d in degrees for t in (-40, -3, -0.1, 0, 0.7, 2, 12)],
    }
    path = ROOT / "tests/golden/tasks/statistics.json"
    path.write_text(json.dumps(golden, indent=0) + "\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
