# SPDX-License-Identifier: Apache-2.0
"""Lets a trained model compare four tokens with what it read, where induction.py's circuit compares two.

    lookback.py --from models/demo --data DATA --out .cache/recipe/lookback

In a long text the last two tokens often stand in several places, and then the copy goes on from a wrong one: whoever
compares two tokens can repeat 11 % of a passage read 1,600 tokens before, with four 54 % (`places.py`). Layer 0 writes
down the tokens 1 and 2 back (KV head 0); here its KV head 1, which the model misses least, becomes the same for 3 and 4
back, in the quietest directions of the stream. In layer 1 KV head 2 becomes a copy of the matching head KV_FROM that
compares the tokens 2 and 3 back with the stores 3 and 4 back, and copies with half the weight. Training does the rest.
"""

from __future__ import annotations

import argparse
import math
import random
from pathlib import Path

import corpus
import torch
from evaluate import shape_of
from heads import queries_of, rows_of, turned_back
from model import Llama
from tokenizers import Tokenizer
from torch import Tensor
from weights import load, save

LOOKING, MATCHING, KV_FROM = 1, 2, 1  # KV heads: of layer 0 and layer 1 that are given up, of layer 1 that is copied
STORE_GAIN = 0.3  # of the new stores against the old ones
MATCH_GAIN = 1.0
COPY_GAIN = 0.5


def spun(rows: Tensor, angles: Tensor) -> Tensor:
    """Every pair of a head's dimensions turned by its own angle: scores stay, codes of two stores are kept apart."""
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    first, second = rows.chunk(2)
    return torch.cat([first * cos - second * sin, first * sin + second * cos])


def energy(model: Llama, ids: Tensor) -> Tensor:
    """[hidden, hidden]: what the stream holds after layer 0, and what later layers read of it, each with trace 1."""
    stream = model.layers[0](model.embed_tokens(ids), model.angles[: ids.shape[1]]).flatten(0, 1)
    held, read = stream.T @ stream, torch.zeros(stream.shape[1], stream.shape[1])
    for i, layer in enumerate(model.layers):
        attention, mlp = layer.self_attn, layer.mlp
        readers = [] if i == 0 else [(p, layer.input_layernorm) for p in (attention.q_proj, attention.k_proj, attention.v_proj)]
        readers += [(p, layer.post_attention_layernorm) for p in (mlp.gate_proj, mlp.up_proj)]
        for projection, norm in readers:
            weight = projection.weight * norm.weight
            read += weight.T @ weight / len(weight)
    return held / held.trace() + read / read.trace()


def quietest(energy: Tensor, count: int, away_from: Tensor) -> Tensor:
    """[hidden, count]: orthonormal directions of least energy, orthogonal to the columns of away_from."""
    free = torch.linalg.svd(away_from, full_matrices=True).U[:, away_from.shape[1] :]
    return free @ torch.linalg.eigh(free.T @ energy @ free).eigenvectors[:, :count]


def look(model: Llama, stores: list[Tensor]) -> None:
    """Layer 0: two more look-back heads, which write into the given stores."""
    layer, shape, size = model.layers[0].self_attn, model.shape, model.shape.head_dim
    to = rows_of(LOOKING, shape)
    layer.k_proj.weight[to] = layer.k_proj.weight[:size]
    layer.v_proj.weight[to] = layer.v_proj.weight[:size]
    two_back = layer.q_proj.weight[size : 2 * size].clone()
    for further, (head, store) in enumerate(zip(queries_of(LOOKING, shape), stores), start=1):
        layer.q_proj.weight[rows_of(head, shape)] = turned_back(two_back, model, further)
        layer.o_proj.weight[:, rows_of(head, shape)] = store


def match(model: Llama, stores: list[Tensor], generator: torch.Generator) -> None:
    """Layer 1: a matching head that reads the stores 2 to 4 as its model reads 1 and 2."""
    layer, shape, norm = model.layers[1].self_attn, model.shape, model.layers[1].input_layernorm.weight
    reads = [torch.linalg.pinv(store, rtol=0.1) for store in stores]
    turns = [torch.rand(shape.head_dim // 2, generator=generator) * 2 * math.pi for _ in range(2)]
    came, to = rows_of(KV_FROM, shape), rows_of(MATCHING, shape)
    key = layer.k_proj.weight[came] * norm @ stores[1]
    layer.k_proj.weight[to] = MATCH_GAIN * sum(spun(key @ r, t) for r, t in zip(reads[2:], turns)) / norm
    layer.v_proj.weight[to] = layer.v_proj.weight[came]
    for head_from, head_to in zip(queries_of(KV_FROM, shape), queries_of(MATCHING, shape)):
        old, new = rows_of(head_from, shape), rows_of(head_to, shape)
        query = layer.q_proj.weight[old] * norm @ stores[0]
        layer.q_proj.weight[new] = MATCH_GAIN * sum(spun(query @ r, t) for r, t in zip(reads[1:], turns)) / norm
        layer.o_proj.weight[:, new] = COPY_GAIN * layer.o_proj.weight[:, old]


@torch.no_grad()
def extend(model: Llama, ids: Tensor, seed: int) -> Llama:
    """Puts the new heads in; ids are rows of book text."""
    generator, size = torch.Generator().manual_seed(seed), model.shape.head_dim
    written = model.layers[0].self_attn.o_proj.weight
    one, two = written[:, :size].clone(), written[:, size : 2 * size].clone()
    quiet = quietest(energy(model, ids), 2 * size, torch.cat([one, two], dim=1))
    quiet = quiet[:, torch.randperm(2 * size, generator=generator)]
    shape_of_two = STORE_GAIN * torch.linalg.qr(two).R
    stores = [one, two, *(part @ shape_of_two for part in quiet.split(size, dim=1))]
    look(model, stores[2:])
    match(model, stores, generator)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="start", type=Path, required=True, help="Hugging Face folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--work", type=Path, default=Path(".cache/recipe"), help="folder of the tokens' cache")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="Hugging Face folder to write")
    args = parser.parse_args()
    tokenizer = args.start / "tokenizer.json"
    books = corpus.tokens(args.data, Tokenizer.from_file(str(tokenizer)), args.work / "tokens", "gutenberg_nltk")
    ids = torch.from_numpy(corpus.stretches(books, random.Random(args.seed), 8, 512))
    save(extend(load(args.start, shape_of(args.start)), ids, args.seed), tokenizer, args.out)
    print(args.out)


if __name__ == "__main__":
    main()
