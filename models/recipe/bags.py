# SPDX-License-Identifier: Apache-2.0
"""Gives a trained model two heads that hold the text further back as a bag of tokens, to tell equal places apart.

    bags.py --from .cache/recipe/copy/hf --data DATA --out .cache/recipe/bags

lookback.py lets the model compare four tokens in a row with what it read; where those four stand in several places it
goes on from a wrong one. What stands before them, as a set without order, settles nearly all of these (`places.py`).
So two query heads of layer 0, those that the model misses least, become plain averages: one over the tokens 5 to 8 back,
one over 7 to 12 back. The other query head of each one's KV head goes on attending as it did: keys and queries are fitted
to both wishes at once, at distances to 4,096. What the two hold goes weakly into the quietest directions of the stream.
`matching.py` then teaches layer 1 to compare it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from pathlib import Path

import corpus
import torch
from evaluate import shape_of
from heads import kv_of, log_weights, placed, queries_of, rows_of
from lookback import energy, quietest
from model import Llama
from tokenizers import Tokenizer
from torch import Tensor
from weights import load, save

BAGS = {5: (5, 8), 6: (7, 12)}  # query head of layer 0: the first and the last distance it averages over
STORES = 4  # query heads of layer 0 that look back at one token, from lookback.py
LENGTHS = (256, 1024, 4096)
PLACES = 128  # positions of a stretch that are looked at in one step of the fit
STEPS = 1200
RATE = 0.02
STORE_GAIN = 0.1  # of a bag's token against a store of lookback.py

Draw = Callable[[int, int], Tensor]  # so many stretches of book text of a length


def wanted(span: tuple[int, int], at: Tensor, length: int) -> Tensor:
    """[len(at), length]: equal weights on the positions `span` back."""
    back = at[:, None] - torch.arange(length)[None]
    return ((back >= span[0]) & (back <= span[1])) / (span[1] - span[0] + 1)


def fit(model: Llama, head: int, span: tuple[int, int], draw: Draw, rng: random.Random, steps: int) -> None:
    """Makes `head` of layer 0 an average over `span`; the heads it shares keys with attend as before."""
    layer, shape = model.layers[0], model.shape
    attention, kv = layer.self_attn, rows_of(kv_of(head, shape), shape)
    others = [rows_of(h, shape) for h in queries_of(kv_of(head, shape), shape) if h != head]
    old_key, old = attention.k_proj.weight[kv].clone(), [attention.q_proj.weight[rows].clone() for rows in others]
    first = attention.q_proj.weight[rows_of(head, shape)]
    key, query, *rest = (w.clone().requires_grad_() for w in (old_key, first, *old))
    optimiser = torch.optim.Adam([key, query, *rest])
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = RATE * (1 - step / steps)
        length = LENGTHS[step % len(LENGTHS)]
        at = torch.tensor(sorted(rng.sample(range(span[1], length), PLACES)))
        angles = model.angles[:length]
        with torch.no_grad():
            x = layer.input_layernorm(model.embed_tokens(draw(1, length)))[0]
            old_keys = placed(x @ old_key.T, angles)
            kept = [log_weights(placed(x[at] @ q.T, angles[at]), old_keys, at) for q in old]
        keys = placed(x @ key.T, angles)
        attended = lambda q: log_weights(placed(x[at] @ q.T, angles[at]), keys, at).clamp_min(-60)
        loss = -(wanted(span, at, length) * attended(query)).sum(-1).mean()
        for before, q in zip(kept, rest):
            loss = loss + (before.exp() * (before.clamp_min(-20) - attended(q))).sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    attention.k_proj.weight.data[kv] = key.detach()
    for rows, weight in zip((rows_of(head, shape), *others), (query, *rest)):
        attention.q_proj.weight.data[rows] = weight.detach()


def write(model: Llama, ids: Tensor, generator: torch.Generator) -> None:
    """Layer 0: the bags' values, centred and of equal spread, into the quietest directions of the stream."""
    layer, shape = model.layers[0], model.shape
    attention, size = layer.self_attn, shape.head_dim
    for head in BAGS:
        attention.o_proj.weight[:, rows_of(head, shape)] = 0
    quiet = quietest(energy(model, ids), size * len(BAGS), attention.o_proj.weight[:, : STORES * size].clone())
    quiet = quiet[:, torch.randperm(quiet.shape[1], generator=generator)]
    x = layer.input_layernorm(model.embed_tokens(ids)).flatten(0, 1)
    stored = x @ attention.v_proj.weight[:size].T @ attention.o_proj.weight[:, :size].T
    for (head, (first, last)), directions in zip(BAGS.items(), quiet.split(size, dim=1)):
        values = x @ attention.v_proj.weight[rows_of(kv_of(head, shape), shape)].T
        mean = values.mean(0)
        spread, axes = torch.linalg.eigh((values - mean).T @ (values - mean) / len(values))
        evened = axes @ torch.diag((spread + 0.05 * spread.mean()).rsqrt()) @ axes.T
        centred = torch.eye(size) - torch.outer(mean, mean) / (mean @ mean)
        gain = STORE_GAIN * stored.norm(dim=1).mean() * ((last - first + 1) / size) ** 0.5
        attention.o_proj.weight[:, rows_of(head, shape)] = gain * directions @ evened @ centred


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="start", type=Path, required=True, help="Hugging Face folder, from lookback.py and stage copy")
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--work", type=Path, default=Path(".cache/recipe"), help="folder of the tokens' cache")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the fit for each head")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="Hugging Face folder to write")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = args.start / "tokenizer.json"
    model = load(args.start, shape_of(args.start)).requires_grad_(False)
    books = corpus.tokens(args.data, Tokenizer.from_file(str(tokenizer)), args.work / "tokens", "gutenberg_nltk")
    rng = random.Random(args.seed)
    draw = lambda count, length: torch.from_numpy(corpus.stretches(books, rng, count, length))
    for head, span in BAGS.items():
        fit(model, head, span, draw, rng, args.steps)
    write(model, draw(16, 256), torch.Generator().manual_seed(args.seed))
    save(model, tokenizer, args.out)
    print(args.out)


if __name__ == "__main__":
    main()
