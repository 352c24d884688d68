# SPDX-License-Identifier: Apache-2.0
"""One pass of a model over a text, kept, and played to every press: what a press sees of a layer hangs on no press.

A prefill under a press computes its attention over the whole prompt before the press's hook cuts the cache, so one pass
serves them all. While a text is played, `model.model(tokens)` calls the attention modules with what they were given in
that pass and hands out what they gave, so that hooks, cache and press are the peer's own. What a press reads beyond that
(attention weights, of the eager kind) is computed again, layer by layer.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import torch
from transformers import DynamicCache


@dataclass
class Heard:
    """What one attention module was given and gave; all by position, so that a shorter text is the front of it."""

    hidden: torch.Tensor  # [1, T, hidden_size]
    rotation: tuple  # cos, sin: [1, T, head_dim]
    keys: torch.Tensor  # [1, n_kv_heads, T, head_dim], RoPE applied
    values: torch.Tensor  # [1, n_kv_heads, T, head_dim]
    output: torch.Tensor  # [1, T, hidden_size]


def listen(model, tokens):
    """-> Heard of every layer, in float32 whatever the model computes in"""
    given, cache, hooks = {}, DynamicCache(), []

    def keep(module, _, kwargs, output):
        given[module.layer_idx] = (kwargs["hidden_states"], kwargs["position_embeddings"], output[0])

    for layer in model.model.layers:
        hooks.append(layer.self_attn.register_forward_hook(keep, with_kwargs=True))
    try:
        with torch.no_grad():
            model.model(torch.tensor([tokens]), past_key_values=cache)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        Heard(given[n][0].float(), tuple(t.float() for t in given[n][1]), kept.keys.float(), kept.values.float(),
              given[n][2].float())
        for n, kept in enumerate(cache.layers)
    ]  # fmt: skip


def causal_mask(n):
    return torch.full((n, n), torch.finfo(torch.float32).min).triu(1)[None, None]  # [1, 1, n, n]


def attention_of(module, heard, original, eager):
    """A forward for `module` that fills the cache and gives what it gave; computed again where weights are wanted."""

    def forward(hidden_states, past_key_values, position_embeddings, cache_position):
        n = hidden_states.shape[1]
        if eager:
            return original(hidden_states=hidden_states, position_embeddings=position_embeddings,
                            attention_mask=causal_mask(n), past_key_values=past_key_values,
                            cache_position=cache_position)  # fmt: skip
        past_key_values.update(heard.keys[:, :, :n].clone(), heard.values[:, :, :n].clone(), module.layer_idx)
        return heard.output[:, :n], None

    return forward


@contextmanager
def playing(model, layers):
    """Inside, `model.model` plays `layers` (what listen() gave) for the front of their text that it is called with."""
    originals = [layer.self_attn.forward for layer in model.model.layers]

    def play(tokens, past_key_values):
        n = tokens.shape[1]
        eager = model.config._attn_implementation == "eager"
        for layer, heard, original in zip(model.model.layers, layers, originals):
            module = layer.self_attn
            with mock.patch.object(module, "forward", attention_of(module, heard, original, eager)):
                module(hidden_states=heard.hidden[:, :n], past_key_values=past_key_values,
                       position_embeddings=tuple(t[:, :n] for t in heard.rotation),
                       cache_position=torch.arange(n))  # fmt: skip

    with mock.patch.object(model.model, "forward", play):
        yield
