# SPDX-License-Identifier: Apache-2.0
"""CaM draws whether an evicted value is merged: kvpress is given the draws that kvhost makes."""

from unittest import mock

import torch
from draws import uniform
from kvpress.presses.cam_press import CAMPress

ORIGINAL_SEARCH = torch.searchsorted


class Draws:
    """Stands in for torch.bernoulli while CaM cuts: slots are traced back to positions."""

    def __init__(self, seed: int):
        self.seed, self.layer, self.positions = seed, 0, {}

    def enter(self, layer: int, n_slots: int, n_seen: int) -> None:
        """Before a layer is cut: the slots that joined since hold the newest positions."""
        held = self.positions.setdefault(layer, [])
        held += range(n_seen - (n_slots - len(held)), n_seen)
        self.layer = layer

    def searchsorted(self, kept: torch.Tensor, merged: torch.Tensor, right: bool) -> torch.Tensor:
        held = self.positions[self.layer]
        self.merged = [held[slot] for slot in merged[0].tolist()]
        self.positions[self.layer] = [held[slot] for slot in kept[0].tolist()]
        return ORIGINAL_SEARCH(kept, merged, right=right)

    def bernoulli(self, probability: torch.Tensor) -> torch.Tensor:
        """probability: [1, n_kv_heads, n_merged]"""
        drawn = [
            [uniform(self.seed, self.layer, head, position) for position in self.merged]
            for head in range(probability.shape[1])
        ]
        return (torch.tensor(drawn)[None] < probability).to(probability.dtype)


def inject(press: CAMPress, draws: Draws, clock: list) -> None:
    """Shadows press.compress: draws know which layer is cut, and how many tokens were seen."""
    original = press.compress

    def compress(module, hidden_states, keys, *rest):
        draws.enter(int(module.layer_idx), keys.shape[2], clock[0])
        with mock.patch("torch.searchsorted", draws.searchsorted), mock.patch("torch.bernoulli", draws.bernoulli):
            return original(module, hidden_states, keys, *rest)

    press.compress = compress
