# SPDX-License-Identifier: Apache-2.0
"""The peer's head allocators that fetch files, reading those in the model's folder or the prompt itself instead."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from kvpress import DuoAttentionPress
from kvpress.presses import duo_attention_press
from kvpress.presses.lukv_press import LUKVPress
from resources import DUO_PATTERN, LUKV_CURVES
from transformers import BatchEncoding


@dataclass
class DuoAttention(DuoAttentionPress):
    sinks: int = 128
    recent: int = 256

    def load_attention_pattern(self, model):
        """-> (sink size, recent size, [n_layers, n_kv_heads]); the peer's caches by the model's name."""
        scores = np.loadtxt(Path(model.config.name_or_path) / DUO_PATTERN, dtype=float, delimiter="\t")
        return self.sinks, self.recent, np.clip(scores, 0, 1)


@dataclass
class DuoOnTheFly(DuoAttentionPress):
    """Scores its heads by one text, the prompt, where the peer downloads fifty."""

    on_the_fly_scoring: bool = True
    context: list = None  # token ids of the prompt

    def post_init_from_model(self, model):
        duo_attention_press.cache.clear()  # of scores, by the model's name
        text = BatchEncoding({"input_ids": torch.tensor([self.context])})
        books = mock.MagicMock()
        books.to_pandas().sample().__getitem__().tolist.return_value = [text]
        tokenizer = mock.MagicMock()
        tokenizer.from_pretrained.return_value = lambda read, return_tensors: read
        with (
            mock.patch.object(duo_attention_press, "load_dataset", lambda *_, **__: books),
            mock.patch.object(duo_attention_press, "AutoTokenizer", tokenizer),
            mock.patch.object(model.lm_head, "_forward_hooks", OrderedDict()),  # this pass is no part of the answer
        ):
            super().post_init_from_model(model)


@dataclass
class LUKV(LUKVPress):
    def _load_budget_curves(self, model):
        return np.load(Path(model.config.name_or_path) / LUKV_CURVES)
