# SPDX-License-Identifier: Apache-2.0
"""What is trained when: learning rates, row lengths and mixes as functions of progress, 0 to 1 of the time there is."""

from __future__ import annotations

import random
from dataclasses import dataclass

Mix = dict[str, float]


@dataclass(frozen=True)
class Phase:
    """Until this progress: row lengths with their shares, tokens a step, the mix of row kinds, what is trained."""

    until: float
    lengths: dict[int, float]
    step_tokens: int
    mix: Mix
    only: tuple[str, ...] = ()  # beginnings of parameters' names; none: all of them

    def trains(self, name: str) -> bool:
        return not self.only or name.startswith(self.only)


@dataclass(frozen=True)
class Stage:
    """Peak rates, how long they rise and stay, and the phases."""

    muon_lr: float
    adam_lr: float
    warmup: float
    constant_until: float
    phases: tuple[Phase, ...]
    matching: float = 0.0  # weight of matching.py's loss, which keeps the matching heads as they were taught

    def rate(self, progress: float) -> float:
        """Share of the peak rate: up, level, then straight down to 0.02."""
        if progress < self.warmup:
            return max(progress / self.warmup, 0.02)
        if progress < self.constant_until:
            return 1.0
        return max(0.02, 1.0 - 0.98 * (progress - self.constant_until) / (1.0 - self.constant_until))

    def momentum(self, progress: float) -> float:
        """Muon's: 0.85, rising to 0.95 over the first tenth."""
        return 0.85 + 0.10 * min(1.0, progress / 0.10)

    def phase(self, progress: float) -> Phase:
        return next((p for p in self.phases if progress < p.until), self.phases[-1])

    def length(self, rng: random.Random, progress: float) -> int:
        lengths = self.phase(progress).lengths
        return rng.choices(list(lengths), list(lengths.values()))[0]


COPY: Mix = {"quote": 0.35, "list": 0.35, "facts": 0.20, "book": 0.10}
READ: Mix = {"book": 0.50, "story": 0.04, "quote": 0.12, "list": 0.10, "facts": 0.24}
LONG: Mix = {"book": 0.42, "story": 0.01, "quote": 0.22, "list": 0.05, "facts": 0.30}
BABBLE: Mix = {"book": 0.15, "again": 0.40, "babble": 0.20, "list": 0.05, "facts": 0.20}
AGAIN: Mix = {"book": 0.30, "story": 0.01, "again": 0.36, "babble": 0.03, "quote": 0.03, "list": 0.03, "facts": 0.24}
RECALL: Mix = {"book": 0.40, "story": 0.01, "again": 0.24, "babble": 0.03, "quote": 0.06, "list": 0.03, "facts": 0.23}
FIND: Mix = {"again": 0.30, "babble": 0.15, "list": 0.20, "facts": 0.35}
TINY: Mix = {"book": 0.25, "story": 0.10, "again": 0.15, "list": 0.15, "facts": 0.35}
MATCHING = ("layers.0.self_attn", "layers.1.self_attn", "layers.2.self_attn")
MIXED = Phase(1.00, {2048: 0.55, 4096: 0.20, 1024: 0.15, 512: 0.10}, 8192, RECALL)

STAGES = {
    "base": Stage(0.02, 0.003, 0.01, 0.35, (
        Phase(0.03, {256: 1.0}, 4096, COPY), Phase(0.08, {256: 1.0}, 4096, READ), Phase(0.60, {512: 1.0}, 8192, READ),
        Phase(0.78, {1024: 1.0}, 8192, READ), Phase(1.00, {2048: 1.0}, 8192, READ))),
    "long": Stage(0.012, 0.0018, 0.02, 0.05, (
        Phase(1.00, {4096: 0.55, 2048: 0.35, 512: 0.10}, 8192, LONG),)),
    "copy": Stage(0.010, 0.002, 0.02, 0.35, (
        Phase(0.19, {256: 0.20, 512: 0.30, 1024: 0.30, 2048: 0.20}, 4096, BABBLE, MATCHING),
        Phase(0.42, {2048: 0.60, 1024: 0.15, 512: 0.15, 4096: 0.10}, 4096, BABBLE, MATCHING),
        Phase(1.00, {2048: 0.60, 4096: 0.18, 1024: 0.14, 512: 0.08}, 4096, AGAIN))),
    "recall": Stage(0.010, 0.002, 0.02, 0.30, (MIXED,)),
    "settle": Stage(0.006, 0.0012, 0.03, 0.10, (MIXED,), matching=0.3),
    "tiny": Stage(0.008, 0.003, 0.02, 0.40, (  # a higher rate undoes the structured start before it is of use
        Phase(0.40, {256: 1.0}, 2048, FIND), Phase(0.75, {256: 0.5, 512: 0.5}, 2048, TINY),
        Phase(1.00, {512: 0.7, 1024: 0.3}, 2048, TINY))),
}
