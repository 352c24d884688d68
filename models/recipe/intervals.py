# SPDX-License-Identifier: Apache-2.0
"""95 % intervals: Wilson's for shares of yes and no, the bootstrap's for means."""

from __future__ import annotations

import math
import random


def wilson(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share."""
    if count == 0:
        return 0.0, 1.0
    share, centre = right / count, (right + z * z / 2) / (count + z * z)
    width = z / (count + z * z) * math.sqrt(count * share * (1 - share) + z * z / 4)
    return max(0.0, centre - width), min(1.0, centre + width)


def bootstrap(values: list[float], draws: int = 2000) -> tuple[float, float]:
    """Interval of a mean, by drawing the values again; the same values give the same interval."""
    rng = random.Random(0)
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(draws))
    return means[int(0.025 * draws)], means[int(0.975 * draws)]


def shown(values: list[float]) -> str:
    """Mean in per cent with its interval: Wilson's where all values are 0 or 1."""
    binary = all(v in (0.0, 1.0) for v in values)
    low, high = wilson(int(sum(values)), len(values)) if binary else bootstrap(values)
    return f"{100 * sum(values) / len(values):.0f} [{100 * low:.0f}, {100 * high:.0f}]"
