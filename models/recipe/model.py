# SPDX-License-Identifier: Apache-2.0
"""A Llama for training: float32 weights under Hugging Face's names, matrix products in bfloat16."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from attention import attention
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """The sizes of a model; the fields have the names of Hugging Face's config.json."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    max_position_embeddings: int
    rope_theta: float
    rms_norm_eps: float = 1e-5

    def as_dict(self) -> dict:
        return asdict(self)


SHAPES = {
    "demo": Shape(256, 704, 6, 8, 4, 32, 4096, 4096, 500000.0),
    "tiny": Shape(128, 320, 4, 4, 2, 32, 1024, 1024, 500000.0),
}


def rope_angles(shape: Shape) -> Tensor:
    """[positions, head_dim]: the cosines of every pair of dimensions, then the sines."""
    half = torch.arange(0, shape.head_dim, 2, dtype=torch.float64) / shape.head_dim
    angles = torch.outer(torch.arange(shape.max_position_embeddings, dtype=torch.float64), shape.rope_theta**-half)
    return torch.cat([angles.cos(), angles.sin()], dim=-1).float()


class Norm(nn.Module):
    """RMSNorm in float32."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def product(x: Tensor, *weights: Tensor) -> Tensor:
    """x times the stacked weights, in bfloat16."""
    stacked = weights[0] if len(weights) == 1 else torch.cat(weights)
    return F.linear(x.to(torch.bfloat16), stacked.to(torch.bfloat16))


class Attention(nn.Module):
    """Causal attention, grouped queries."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        queries = shape.num_attention_heads * shape.head_dim
        keys = shape.num_key_value_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.hidden_size, queries, bias=False)
        self.k_proj = nn.Linear(shape.hidden_size, keys, bias=False)
        self.v_proj = nn.Linear(shape.hidden_size, keys, bias=False)
        self.o_proj = nn.Linear(queries, shape.hidden_size, bias=False)

    def forward(self, x: Tensor, angles: Tensor) -> Tensor:
        batch, length, _ = x.shape
        s = self.shape
        sizes = [self.q_proj.out_features, self.k_proj.out_features, self.v_proj.out_features]
        q, k, v = product(x, self.q_proj.weight, self.k_proj.weight, self.v_proj.weight).split(sizes, -1)
        q, k, v = (x.view(batch, length, -1, s.head_dim) for x in (q, k, v))
        out = attention(q, k, v, angles)
        return product(out.reshape(batch, length, -1), self.o_proj.weight)


class Mlp(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.up_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.down_proj = nn.Linear(shape.intermediate_size, shape.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = product(x, self.gate_proj.weight, self.up_proj.weight).chunk(2, dim=-1)
        return product(F.silu(gate) * up, self.down_proj.weight)


class Block(nn.Module):
    """Norm, attention, norm, MLP."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = Norm(shape.hidden_size, shape.rms_norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = Norm(shape.hidden_size, shape.rms_norm_eps)
        self.mlp = Mlp(shape)

    def forward(self, x: Tensor, angles: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), angles)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """The decoder up to its last norm; the logits are the hidden states times the embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.num_hidden_layers))
        self.norm = Norm(shape.hidden_size, shape.rms_norm_eps)
        self.register_buffer("angles", rope_angles(shape), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Hidden states [batch, length, hidden_size] of ids [batch, length]."""
        x = self.embed_tokens(ids)
        angles = self.angles[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, angles)
        return self.norm(x)
