# SPDX-License-Identifier: Apache-2.0
"""A transformers model whose cache entries can be hidden from later tokens, head by head: the ideal result of eviction.

A custom attention function with its own dense mask is registered with transformers; nothing is compressed. Tokens of
the context see all of the context before them, as during a real prefill. Tokens after it do not see what was dropped.
Works for every family whose attention goes through transformers' interface, GPT-NeoX included.
"""

import math

import torch
from transformers.masking_utils import AttentionMaskInterface
from transformers.modeling_utils import AttentionInterface

NAME = "kvhost_dense_masked"
_hidden = {}  # layer index -> bool [n_kv_heads, n_context], True = dropped
_n_context = 0


def dense_masked_attention(module, query, key, value, attention_mask, dropout=0.0, scaling=None, **kwargs):
    """query: [1, n_heads, T, d], key and value: [1, n_kv_heads, T, d] -> [1, T, n_heads, d]"""
    n_heads, n_tokens, head_dim = query.shape[1:]
    group = n_heads // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    scaling = 1.0 / math.sqrt(head_dim) if scaling is None else scaling
    logits = query @ key.transpose(2, 3) * scaling  # [1, n_heads, T, T]
    if kwargs.get("softcap") is not None:  # Gemma 2
        logits = kwargs["softcap"] * torch.tanh(logits / kwargs["softcap"])
    visible = torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril().expand(n_heads, -1, -1).clone()
    window = kwargs.get("sliding_window")
    if window is not None:  # query i sees the keys i - window + 1 .. i
        visible = visible.triu(1 - window)
    dropped = _hidden.get(module.layer_idx)
    if dropped is not None:
        visible[:, _n_context:, :_n_context] &= ~dropped.repeat_interleave(group, 0)[:, None, :]
    logits = logits.masked_fill(~visible, -torch.inf)
    if kwargs.get("s_aux") is not None:  # gpt-oss: a sink a head, which takes its share of the weight
        sinks = kwargs["s_aux"].reshape(1, -1, 1, 1).expand(1, n_heads, n_tokens, 1).to(logits.dtype)
        logits = torch.cat([logits, sinks], dim=-1)
    weights = logits.softmax(-1, dtype=torch.float32)[..., :n_tokens].to(query.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(NAME, dense_masked_attention)
AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)


def log_probs(model, context, continuation, kept=None):
    """log p(token | everything before) of each continuation token, and the most likely tokens.

    kept: per layer and KV head the positions that stay visible after the context; None hides nothing."""
    global _n_context
    _n_context = len(context)
    _hidden.clear()
    for layer, heads in enumerate(kept or []):
        dropped = torch.ones(len(heads), len(context), dtype=torch.bool)
        for head, positions in enumerate(heads):
            dropped[head, positions] = False
        _hidden[layer] = dropped
    model.set_attn_implementation(NAME)
    with torch.no_grad():
        logits = model(torch.tensor([context + continuation]), use_cache=False).logits[0]
    _hidden.clear()
    rows = logits[len(context) - 1 : -1].float().log_softmax(-1)  # [n_continuation, vocab]
    picked = rows.gather(1, torch.tensor(continuation)[:, None])[:, 0]
    return picked, rows.argmax(-1).tolist()
