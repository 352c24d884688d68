# SPDX-License-Identifier: Apache-2.0
"""RankKV's statistics and allocation, and kvcompress's h2o_l2, written down plainly in NumPy.

Two apportionments are kept apart: `seed_repair` is the original system's truncate-clamp-repair, checked against its
published vectors in rankkv_reference.py; `apportion` is kvhost's own (largest remainder between floors and caps).
"""

import numpy as np

EPS = 1e-10


def effective_rank(matrix, normalize=True):
    """exp of the entropy of the normalised singular values (Roy and Vetterli); normalised by the shorter side."""
    singular = np.linalg.svd(np.asarray(matrix, dtype=np.float64), compute_uv=False)
    singular = singular[singular > EPS]
    if singular.size == 0:
        return 0.0
    p = singular / singular.sum()
    rank = float(np.exp(-(p * np.log(p + EPS)).sum()))
    return rank / min(matrix.shape) if normalize else rank


def shares(ranks, strategy="proportional", temperature=1.0, power=2.0, low=0.5, high=1.5, cut=(25, 75)):
    """Real-valued share of the total per layer, summing to 1."""
    ranks = np.asarray(ranks, dtype=np.float64)
    if strategy == "proportional":
        weight = ranks
    elif strategy == "softmax":
        weight = np.exp((ranks - ranks.max()) / temperature)
    elif strategy == "power":
        weight = np.maximum(ranks, EPS) ** power
    elif strategy == "adaptive":
        below, above = np.percentile(ranks, cut)
        weight = np.where(ranks < below, low, np.where(ranks > above, high, 1.0))
    else:
        raise ValueError(f"unknown strategy {strategy}")
    return weight / weight.sum()


def seed_repair(ranks, total, strategy="proportional", min_budget=4, max_budget=None, **params):
    """Truncate, clamp, then hand the difference out one by one; a visit that is blocked by a clamp is lost."""
    limit = np.inf if max_budget is None else max_budget
    budgets = [int(min(max(int(s * total), min_budget), limit)) for s in shares(ranks, strategy, **params)]
    descending = sorted(range(len(ranks)), key=lambda i: -ranks[i])  # stable: lower index first
    if strategy == "proportional":
        ascending = sorted(range(len(ranks)), key=lambda i: ranks[i])
    else:
        ascending = descending[::-1]
    difference = total - sum(budgets)
    for i in range(abs(difference)):
        order = descending if difference > 0 else ascending
        k = order[i % len(ranks)]
        if difference > 0 and budgets[k] < limit:
            budgets[k] += 1
        elif difference < 0 and budgets[k] > min_budget:
            budgets[k] -= 1
    return budgets


def apportion(weights, total, floors, caps):
    """Integers between floors and caps that sum to total: clamp and redistribute, then largest remainder."""
    weights = np.maximum(np.asarray(weights, dtype=np.float64), 0)
    floors, caps = np.asarray(floors, dtype=np.int64), np.asarray(caps, dtype=np.int64)
    assert floors.sum() <= total <= caps.sum(), (floors.sum(), total, caps.sum())
    low, high = 0.0, 1.0
    filled = lambda level: np.clip(weights * level, floors, caps)  # noqa: E731
    while filled(high).sum() < total and high < 1e18:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if filled(middle).sum() < total else (low, middle)
    exact = filled(high)
    result = np.floor(exact + 1e-9).astype(np.int64)
    order = sorted(range(len(weights)), key=lambda i: (-(exact[i] - result[i]), i))
    while result.sum() < total:
        for i in order:
            if result.sum() < total and result[i] < caps[i]:
                result[i] += 1
    return result.tolist()


def spearman(a, b):
    def ranking(values):
        values = np.asarray(values, dtype=np.float64)
        return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])

    return float(np.corrcoef(ranking(a), ranking(b))[0, 1])


def h2o_l2(keys, start_size, heavy_hitter_size, recent_size):
    """keys: [n_kv_heads, T, d] -> per head the kept positions: first, smallest norms in between, last."""
    n_heads, n_tokens, _ = keys.shape
    if n_tokens <= start_size + heavy_hitter_size + recent_size:
        return [list(range(n_tokens))] * n_heads
    norms = np.linalg.norm(keys.astype(np.float64), axis=-1)
    result, end = [], n_tokens - recent_size
    for head in range(n_heads):
        middle = range(start_size, end)
        heavy = sorted(middle, key=lambda t: (norms[head, t], t))[:heavy_hitter_size]
        result.append([*range(start_size), *sorted(heavy), *range(end, n_tokens)])
    return result
