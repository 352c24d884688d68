# SPDX-License-Identifier: Apache-2.0
"""The heads of a layer written out: which rows are theirs, turning by positions, attention weights at chosen places."""

from __future__ import annotations

import math

import torch
from model import Llama, Shape
from torch import Tensor


def rows_of(head: int, shape: Shape) -> slice:
    """The rows of a query head in q_proj (its columns in o_proj), or of a KV head in k_proj and v_proj."""
    return slice(head * shape.head_dim, (head + 1) * shape.head_dim)


def queries_of(kv_head: int, shape: Shape) -> range:
    """The query heads that read a KV head."""
    group = shape.num_attention_heads // shape.num_key_value_heads
    return range(kv_head * group, (kv_head + 1) * group)


def kv_of(head: int, shape: Shape) -> int:
    """The KV head that a query head reads."""
    return head // (shape.num_attention_heads // shape.num_key_value_heads)


def turned_back(rows: Tensor, model: Llama, positions: int) -> Tensor:
    """A head's vector [head_dim], or rows of its projection [head_dim, hidden], turned back by so many positions."""
    cos, sin = model.angles[positions].reshape(2, -1, *[1] * (rows.ndim - 1))
    first, second = rows.chunk(2)
    return torch.cat([first * cos + second * sin, second * cos - first * sin])


def placed(x: Tensor, angles: Tensor) -> Tensor:
    """Rotary embedding: x [length, head_dim] at positions with these angles [length, head_dim]."""
    cos, sin = angles.chunk(2, dim=-1)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def log_weights(q: Tensor, k: Tensor, at: Tensor) -> Tensor:
    """[len(at), length]: logarithms of the weights with which the queries q of the positions `at` attend to the keys k."""
    later = torch.arange(len(k))[None] > at[:, None]
    return (q @ k.T / math.sqrt(k.shape[1])).masked_fill(later, -1e30).log_softmax(-1)
