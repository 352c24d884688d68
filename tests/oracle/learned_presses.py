# SPDX-License-Identifier: Apache-2.0
"""The peer's head allocators that fetch a file per model, reading the one in the model's folder instead."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kvpress import DuoAttentionPress
from kvpress.presses.lukv_press import LUKVPress
from resources import DUO_PATTERN, LUKV_CURVES


@dataclass
class DuoAttention(DuoAttentionPress):
    sinks: int = 128
    recent: int = 256

    def load_attention_pattern(self, model):
        """-> (sink size, recent size, [n_layers, n_kv_heads]); the peer's caches by the model's name."""
        scores = np.loadtxt(Path(model.config.name_or_path) / DUO_PATTERN, dtype=float, delimiter="\t")
        return self.sinks, self.recent, np.clip(scores, 0, 1)


@dataclass
class LUKV(LUKVPress):
    def _load_budget_curves(self, model):
        return np.load(Path(model.config.name_or_path) / LUKV_CURVES)
