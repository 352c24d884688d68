# SPDX-License-Identifier: Apache-2.0
"""Teaches the matching heads of layer 1 where to look, on text that is read twice.

    matching.py --from .cache/recipe/bags --data DATA --minutes 5 --out .cache/recipe/matching

Of a passage that comes back it is known which earlier token stands where the copy is now. The heads are trained to
attend to the one after it, which says far more than the loss of the tokens does, and needs only layer 0 and the scores
of layer 1: 10,000 tokens a second on two cores, three times as many as training. What is trained: queries and keys of
the matching heads, and how strongly the bags (`bags.py`) are written. The rest of the model is as it was and must be
trained to it (stages `recall` and `settle`).
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path

import corpus
import numpy as np
import torch
from bags import BAGS
from evaluate import shape_of
from heads import log_weights, placed, queries_of, rows_of
from model import Llama
from tokenizers import Tokenizer
from torch import Tensor
from weights import load, save

MATCHING = (0, 2)  # KV heads of layer 1; the head of KV head 1 goes on comparing few tokens, which facts need
LENGTHS = (512, 1024, 2048, 2048)
SPANS = (48, 64, 96, 128, 256)  # tokens of a passage that comes back
FOUND = 8  # tokens of a passage after which its place can be known
RATE = 0.004


@dataclass(frozen=True)
class Repeats:
    """A row in which passages come back: tokens [length], and for each the place in the first reading that it repeats."""

    ids: Tensor
    origin: Tensor
    at: Tensor  # positions far enough into a passage that comes back

    def right(self) -> Tensor:
        """[len(at), length]: the positions that hold what follows, wherever it was read."""
        here = torch.arange(len(self.ids))[None] <= self.at[:, None]
        return (self.origin[None] == self.origin[self.at][:, None] + 1) & here


def repeats(books: np.ndarray, rng: random.Random, length: int) -> Repeats:
    """A stretch of a book and passages of it, to the row's end."""
    first = int(length * rng.uniform(0.5, 0.85))
    ids = [0, *corpus.stretches(books, rng, 1, first - 1)[0].tolist()]
    origin, at = list(range(first)), []
    while len(ids) < length:
        span = min(rng.choice(SPANS), first // 2)
        start = rng.randrange(1, first - span)
        at += range(len(ids) + FOUND, len(ids) + span - 1)
        ids += ids[start : start + span]
        origin += range(start, start + span)
    return Repeats(torch.tensor(ids[:length]), torch.tensor(origin[:length]), torch.tensor([t for t in at if t < length]))


def losses(model: Llama, row: Repeats) -> tuple[Tensor, float]:
    """[heads]: mean -log of the weight on right positions; and how often the largest weight is on the right token."""
    shape, length = model.shape, len(row.ids)
    angles = model.angles[:length]
    layer = model.layers[1]
    x = layer.input_layernorm(model.layers[0](model.embed_tokens(row.ids[None]), angles))[0]
    right, found, shares = row.right(), [], []
    following = row.ids[right.int().argmax(1)]
    for kv in MATCHING:
        keys = placed(x @ layer.self_attn.k_proj.weight[rows_of(kv, shape)].T, angles)
        for head in queries_of(kv, shape):
            queries = placed(x[row.at] @ layer.self_attn.q_proj.weight[rows_of(head, shape)].T, angles[row.at])
            weights = log_weights(queries, keys, row.at)
            found.append(-weights.masked_fill(~right, -1e30).logsumexp(1).mean())
            shares.append((row.ids[weights.argmax(1)] == following).float().mean().item())
    return torch.stack(found), sum(shares) / len(shares)


def taught(model: Llama) -> list[tuple[Tensor, Tensor]]:
    """The weights that are trained, each with a mask of the rows or columns."""
    shape = model.shape
    written, query, key = (model.layers[0].self_attn.o_proj.weight, model.layers[1].self_attn.q_proj.weight,
                           model.layers[1].self_attn.k_proj.weight)
    masks = [torch.zeros_like(w) for w in (written, query, key)]
    for head in BAGS:
        masks[0][:, rows_of(head, shape)] = 1
    for kv in MATCHING:
        masks[2][rows_of(kv, shape)] = 1
        for head in queries_of(kv, shape):
            masks[1][rows_of(head, shape)] = 1
    return list(zip((written, query, key), masks))


def teach(model: Llama, books: np.ndarray, rng: random.Random, minutes: float) -> None:
    """Trains against the clock, at a rate that falls from a third of the time on."""
    model.requires_grad_(False)
    weights = taught(model)
    optimiser = torch.optim.Adam([w.requires_grad_() for w, _ in weights], betas=(0.9, 0.98))
    begun, step, log = time.time(), 0, []
    while (progress := (time.time() - begun) / (60 * minutes)) < 1:
        optimiser.param_groups[0]["lr"] = RATE * min(1, 1.5 * (1 - progress)) * min(1, step / 10)
        loss, share = losses(model, repeats(books, rng, rng.choice(LENGTHS)))
        optimiser.zero_grad()
        loss.mean().backward()
        for weight, mask in weights:
            weight.grad *= mask
        optimiser.step()
        step, log = step + 1, [*log[-99:], (loss.mean().item(), share)]
        if step % 100 == 0:
            mean_loss, mean_share = np.mean(log, axis=0)
            print(f"step {step}  {100 * progress:3.0f} %  loss {mean_loss:.3f}  right token {100 * mean_share:.1f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="start", type=Path, required=True, help="Hugging Face folder, from bags.py")
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--work", type=Path, default=Path(".cache/recipe"), help="folder of the tokens' cache")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="Hugging Face folder to write")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    tokenizer = args.start / "tokenizer.json"
    model, pieces = load(args.start, shape_of(args.start)), Tokenizer.from_file(str(tokenizer))
    books = np.concatenate([corpus.tokens(args.data, pieces, args.work / "tokens", s) for s in corpus.SOURCES[:2]])
    teach(model, books, random.Random(args.seed), args.minutes)
    save(model, tokenizer, args.out)
    print(args.out)


if __name__ == "__main__":
    main()
