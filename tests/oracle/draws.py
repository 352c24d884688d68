# SPDX-License-Identifier: Apache-2.0
"""kvhost's random draws: functions of counters alone, so that the peer can be given the same ones."""

import torch

MASK = (1 << 64) - 1


def mix64(x: int) -> int:
    """SplitMix64, as sdk/include/kvhost/maths.hpp has it."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def uniform(seed: int, *counters: int) -> float:
    """In [0, 1), a multiple of 2^-24."""
    bits = mix64(seed)
    for counter in counters:
        bits = mix64(bits ^ counter)
    return (bits >> 40) * 2.0**-24


def uniform_scores(seed: int, layer: int, n_heads: int, n_tokens: int) -> torch.Tensor:
    """[1, n_heads, n_tokens], as the method `random` draws them in one layer."""
    return torch.tensor([[[uniform(seed, layer, h, p) for p in range(n_tokens)] for h in range(n_heads)]])
