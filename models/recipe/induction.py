# SPDX-License-Identifier: Apache-2.0
"""The first weights of the base stage: small random ones that already hold a weak induction circuit.

From a plain random start no copying had appeared after 2.3M tokens; with this one it is there in the first minutes and
training sharpens it. All embeddings share a direction u. In layer 0 one KV head has a constant key, read from u; its
query heads are that key turned back by 1, 2, .. positions, so they look exactly so far back, and write a random
projection ("code") of the token there into a subspace of the stream. In layer 1 two KV heads compare this token's code
with the stored code of the token before, in the slowly rotating half of the dimensions, and copy the token found through
a random projection and its transpose. Everything else is random and the other output projections are zero.
"""

from __future__ import annotations

import math

import torch
from heads import turned_back
from model import Llama
from torch import Tensor

LOOK_BACK = 58.0  # size of a query-key pair at the position looked for: about 6 nats over its neighbours
SHARP_PAIRS = 10  # pairs of dimensions that take part, the fast ones
MATCH = 16.0  # score of a code with itself, in nats
COPY_GAIN = 0.6


def orthonormal(rows: int, size: int, generator: torch.Generator, away_from: Tensor) -> Tensor:
    """Random orthonormal rows, orthogonal to the rows of away_from."""
    start = torch.randn(rows, size, generator=generator)
    start = start - start @ away_from.T @ away_from
    return torch.linalg.qr(start.T).Q.T


def slow_dimensions(head_dim: int) -> Tensor:
    """The dimensions of the slower half of the pairs."""
    pairs = torch.arange(head_dim // 4, head_dim // 2)
    return torch.cat([pairs, pairs + head_dim // 2])


def plain(model: Llama, generator: torch.Generator) -> None:
    """Random projections in, zero projections out."""
    spread = 1 / math.sqrt(model.shape.hidden_size)
    for name, p in model.named_parameters():
        if p.ndim == 2:
            scale = 0.0 if "o_proj" in name or "down_proj" in name else spread * (0.5 if "self_attn" in name else 1.0)
            p.copy_(torch.randn(p.shape, generator=generator) * scale)


def look_back(model: Llama, u: Tensor, code: Tensor, stores: list[Tensor]) -> None:
    """Layer 0, KV head 0: its query heads write the code of the token 1, 2, .. back into their stores."""
    s, layer = model.shape, model.layers[0].self_attn
    read_u = u / math.sqrt(s.hidden_size / 2)  # a normalised embedding has sqrt(hidden / 2) of u
    key = torch.zeros(s.head_dim)
    key[: SHARP_PAIRS] = math.sqrt(LOOK_BACK)
    layer.k_proj.weight[: s.head_dim] = torch.outer(key, read_u)
    layer.v_proj.weight[: s.head_dim] = code
    for head, store in enumerate(stores):
        rows = slice(head * s.head_dim, (head + 1) * s.head_dim)
        layer.q_proj.weight[rows] = torch.outer(turned_back(key, model, head + 1), read_u)
        layer.o_proj.weight[:, rows] = store.T


def match_and_copy(model: Llama, code: Tensor, store: Tensor, copies: list[Tensor], n_stores: int) -> None:
    """Layer 1, two KV heads: half of the code each, matched with the store of the token before; the token is copied."""
    s, layer = model.shape, model.layers[1].self_attn
    group = s.num_attention_heads // s.num_key_value_heads
    scale = math.sqrt(s.hidden_size / (2 + 2 * n_stores))  # what the norm makes of the stream: u, token and codes
    stored, own = scale, scale / math.sqrt(s.hidden_size / 2)
    gain = math.sqrt(MATCH * math.sqrt(s.head_dim) / (stored * own))
    slow, half = slow_dimensions(s.head_dim), s.head_dim // 2
    for kv_head, copy in enumerate(copies):
        part = slice(kv_head * half, (kv_head + 1) * half)
        key = torch.zeros(s.head_dim, s.hidden_size)
        query = torch.zeros(s.head_dim, s.hidden_size)
        key[slow], query[slow] = gain * store[part], gain * code[part]
        rows = slice(kv_head * s.head_dim, (kv_head + 1) * s.head_dim)
        layer.k_proj.weight[rows], layer.v_proj.weight[rows] = key, copy
        for head in range(kv_head * group, (kv_head + 1) * group):
            columns = slice(head * s.head_dim, (head + 1) * s.head_dim)
            layer.q_proj.weight[columns] = query
            layer.o_proj.weight[:, columns] = COPY_GAIN * copy.T


@torch.no_grad()
def initialise(model: Llama, seed: int) -> Llama:
    """Fills the model's weights; the same seed gives the same weights."""
    generator = torch.Generator().manual_seed(seed)
    s = model.shape
    plain(model, generator)
    u = orthonormal(1, s.hidden_size, generator, torch.zeros(1, s.hidden_size))
    token = model.embed_tokens.weight
    token -= token @ u.T @ u
    token /= token.norm(dim=1, keepdim=True)
    token += u
    group = s.num_attention_heads // s.num_key_value_heads
    subspaces = orthonormal(s.head_dim * group, s.hidden_size, generator, u)
    stores = list(subspaces.split(s.head_dim))
    used = torch.cat([u, subspaces])
    free = s.hidden_size - len(used)
    code = orthonormal(s.head_dim, s.hidden_size, generator, used)
    code *= math.sqrt(2 * 2 / s.head_dim * (s.hidden_size - 1) / s.hidden_size)  # each half has norm 1 for a token
    look_back(model, u[0], code, stores)
    copies = [orthonormal(s.head_dim, s.hidden_size, generator, used)[: min(s.head_dim, free)] for _ in range(2)]
    match_and_copy(model, code, stores[0], copies, len(stores))
    model.norm.weight.fill_(0.25)
    return model
