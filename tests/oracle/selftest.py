# SPDX-License-Identifier: Apache-2.0
"""Checks the oracles themselves, without kvhost: each is compared with a second, independent reading.

    .venv-oracle/bin/python tests/oracle/selftest.py

1. What kvpress kept equals plain NumPy selection rules applied to its scores (identical, or tied).
2. A kept set with one entry exchanged is called different.
3. The dense masked model equals decoding on a cache whose entries were really removed.
4. A pass that is played to a press (replay.py) keeps what a pass under that press keeps.
"""

import tempfile

import numpy as np
import torch
from common import print_table
from masked_model import log_probs
from presses import METHODS, OWN_BUDGET, WINDOW, run_peer
from replay import listen, playing
from resources import write_resources
from ties import verdict
from tiny import FAMILIES, draw_tokens, make_model
from transformers import DynamicCache
from wrapper_presses import WRAPPERS, fitted

OUTCOMES = ("identical", "tied", "different", "refused")


def top(scores, n):
    """Positions of the n largest, lower position first among equals; ascending."""
    return sorted(np.argsort(-scores, kind="stable")[:n].tolist())


def pyramid_count(n_tokens, budget, layer, n_layers, beta, window):
    """Entries per head of one layer, as PyramidKV divides `budget` x n_layers; round() is half-to-even."""
    low = budget / beta
    high = 2 * budget - low
    if high >= n_tokens - window:
        high = n_tokens - window
        low = 2 * budget - high
    if not n_tokens >= high >= low >= window:
        return budget
    return round(high - layer * (high - low) / (n_layers - 1))


def adakv(scores, budget, alpha=0.2):
    """Per head the best floor(alpha * budget) entries are safe; the rest of the layer's budget goes to the best."""
    n_heads, n_tokens = scores.shape
    n_safe = max(1, int(alpha * budget))
    safe = np.zeros(scores.shape, dtype=bool)
    for head in range(n_heads):
        safe[head, top(scores[head], n_safe)] = True
    order = np.lexsort((np.arange(n_heads * n_tokens), -scores.ravel(), ~safe.ravel()))
    keep = np.zeros(n_heads * n_tokens, dtype=bool)
    keep[order[: budget * n_heads]] = True
    return [np.flatnonzero(row).tolist() for row in keep.reshape(scores.shape)]


def expected_kept(spec, layer, index, n_layers, n_tokens, budget):
    scores = layer.scores.numpy().astype(np.float64)
    if layer.second is not None:  # replay CriticalKV's two stages
        chosen = layer.second.numpy().astype(np.float64).copy()
        for head, first in enumerate(layer.inner.numpy()):
            chosen[head, top(first, layer.n_first)] = np.inf
        scores = chosen
    if spec.startswith("adakv"):
        return adakv(scores, budget)
    if spec.startswith("pyramidkv"):
        beta = int(spec.split("beta=")[1].split(")")[0])
        budget = pyramid_count(n_tokens, budget, index, n_layers, beta, WINDOW)
    return [top(head, budget) for head in scores]


def exchange(kept, n_tokens):
    """The same set with its last kept entry of head 0 replaced by one that was dropped."""
    dropped = sorted(set(range(n_tokens)) - set(kept[0]))
    return [sorted([*kept[0][1:], dropped[len(dropped) // 2]]), *kept[1:]]


def learned_model(family, seed, folder):
    """A model whose folder holds what methods would have learned."""
    model = make_model(family, seed)
    model.config.name_or_path = folder
    write_resources(folder, model.config, seed)
    return model


def check_selection(family, seed, folder):
    model, counts, unseen = learned_model(family, seed, folder), dict.fromkeys(OUTCOMES, 0), 0
    n_layers = model.config.num_hidden_layers
    for n_tokens, budget in ((50, 20), (129, 40), (300, 210)):
        tokens = draw_tokens(n_tokens, model.config.get_text_config().vocab_size, seed + n_tokens)
        for spec in (s for s in METHODS if s not in WRAPPERS):
            peer = run_peer(model, tokens, spec, budget)
            counts["refused"] += bool(peer.refused)
            n_kept = OWN_BUDGET[spec](n_tokens) if spec in OWN_BUDGET else budget
            for index, layer in enumerate(peer.layers):
                mine = expected_kept(spec, layer, index, n_layers, n_tokens, n_kept)
                outcome, reason = verdict(mine, layer)
                counts[outcome] += 1
                if outcome == "different":
                    print(f"{family} {spec} T={n_tokens} N={budget} layer {index}: {reason}")
                if len(layer.kept[0]) < n_tokens:  # a method of its own budget may keep all
                    unseen += verdict(exchange(layer.kept, n_tokens), layer)[0] != "different"
    return [*counts.values(), unseen]


def check_masking(family, seed, n_context=100, first_kept=40):
    """Drops the first entries of every head from a real cache and decodes token by token."""
    model = make_model(family, seed)
    tokens = draw_tokens(n_context + 20, model.config.get_text_config().vocab_size, seed)
    kept = [[list(range(first_kept, n_context))] * model.config.num_key_value_heads] * model.config.num_hidden_layers
    masked, _ = log_probs(model, tokens[:n_context], tokens[n_context:], kept)
    model.set_attn_implementation("eager")
    cache, found = DynamicCache(), []
    with torch.no_grad():
        logits = model(torch.tensor([tokens[:n_context]]), past_key_values=cache).logits
        for layer in cache.layers:
            layer.keys = layer.keys[:, :, first_kept:].contiguous()
            layer.values = layer.values[:, :, first_kept:].contiguous()
        for position in range(n_context, len(tokens)):
            found.append(float(logits[0, -1].log_softmax(-1)[tokens[position]]))
            where = dict(
                position_ids=torch.tensor([[position]]),
                cache_position=torch.tensor([position - first_kept]),
            )
            logits = model(torch.tensor([[tokens[position]]]), past_key_values=cache, **where).logits
    return float((masked - torch.tensor(found)).abs().max())


def check_replay(family, seed, folder, n_tokens=120, n_played=90, budget=40):
    """How many rows keep something else when the front of a longer pass is played than in a pass of their own."""
    model = learned_model(family, seed, folder)
    tokens = draw_tokens(n_tokens, model.config.get_text_config().vocab_size, seed)
    heard, off = listen(model, tokens), 0
    for spec in METHODS:
        n, n_kept = fitted(spec, n_played, budget)
        alone = run_peer(model, tokens[:n], spec, n_kept)
        with playing(model, heard):
            played = run_peer(model, tokens[:n], spec, n_kept)
        same = [layer.kept for layer in alone.layers] == [layer.kept for layer in played.layers]
        if not same or bool(alone.refused) != bool(played.refused):
            off += 1
            print(f"{family} {spec}: played otherwise {alone.refused or played.refused}")
    return off


def main():
    rows, failed = [], False
    for n, family in enumerate(FAMILIES):
        with tempfile.TemporaryDirectory() as folder:
            counts = check_selection(family, 100 + n, folder)
            off = check_replay(family, 300 + n, folder)
        error = check_masking(family, 200 + n)
        failed |= counts[2] > 0 or counts[-1] > 0 or off > 0 or error > 1e-4
        rows.append([family, *counts, off, f"{error:.1e}"])
    print_table(["model", *OUTCOMES, "exchange unseen", "played otherwise", "masked vs removed"], rows)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
