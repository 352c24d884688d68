# SPDX-License-Identifier: Apache-2.0
"""kvcompress's rules, written down from their definition in plain torch, as presses that keep exactly what they say.

A rule tells of one head with n keys and a cache of `size` entries: which ones are protected, which ones are chosen,
and the number (smaller is better) that it chose by. kvcompress sorts unstably; here equal ones go by position.
"""

import math

import torch
from kvpress.presses.scorer_press import ScorerPress
from kvpress.utils import compute_n_kept, get_prerope_query_states
from transformers.models.llama.modeling_llama import rotate_half

PROTECTED = 1e30


def smallest(rank, candidates, n):
    return sorted(candidates, key=lambda i: (float(rank[i]), i))[:n]


def fix_size_l2(keys, size, keep_ratio=0.0, strategy="keep_low"):
    n, rank = len(keys), keys.norm(dim=-1) * (1 if strategy == "keep_low" else -1)
    recent = min(int(size * keep_ratio), n)
    return range(n - recent, n), smallest(rank, range(n - recent), size - recent), rank


def recent_only(keys, size):
    n = len(keys)
    return range(n - size, n), [], keys.norm(dim=-1)


def h2o_l2(keys, size, start_size=4, recent_size=444):
    n, rank = len(keys), keys.norm(dim=-1)
    heavy_hitters = size - start_size - recent_size
    assert heavy_hitters > 0, "kvcompress's sizes leave no heavy hitter"
    middle = smallest(rank, range(start_size, n - recent_size), heavy_hitters)
    return [*range(start_size), *range(n - recent_size, n)], middle, rank


def snapkv_lite(keys, size, observation_window=32, pooling_kernel=5):
    n, rank = len(keys), keys.norm(dim=-1)
    prefix = n - observation_window
    assert prefix > 0, "nothing before the window: kvcompress leaves the cache as it is"
    assert size > observation_window, "a cache within the window: kvcompress keeps the whole window"
    importance = rank[:prefix].max() + 1e-6 - rank[:prefix]
    if pooling_kernel > 1 and prefix >= pooling_kernel:
        half = pooling_kernel // 2
        padded = torch.cat([torch.zeros(half), importance, torch.zeros(half)])
        importance = padded.unfold(0, pooling_kernel, 1).mean(-1)
    rank[:prefix] = -importance
    return range(prefix, n), smallest(rank, range(prefix), size - observation_window), rank


def adaptive_l2(keys, size, hard_limit=1024):
    n, rank = len(keys), keys.norm(dim=-1)
    if n <= hard_limit:
        recent = int(size * 0.2)
        return range(n - recent, n), smallest(rank, range(n - recent), size - recent), rank
    start, recent = 4, size // 2
    if size - start - recent <= 0:
        return range(n - size, n), [], rank
    middle = smallest(rank, range(start, n - recent), size - start - recent)
    return [*range(start), *range(n - recent, n)], middle, rank


def adaptive_size(n, target_size=512, soft_limit=256, hard_limit=1024, keep_ratio_min=0.3, keep_ratio_max=0.9):
    """Entries that adaptive_l2 leaves of n."""
    if n <= soft_limit:
        return n
    if n > hard_limit:
        return min(n, target_size)
    progress = (n - soft_limit) / (hard_limit - soft_limit)
    ratio = keep_ratio_max - progress * (keep_ratio_max - keep_ratio_min)
    return min(n, max(int(n * ratio), soft_limit))


class RulePress(ScorerPress):
    """kvpress's hooks around one of the rules."""

    def __init__(self, compression_ratio, rule, **settings):
        super().__init__(compression_ratio)
        self.rule, self.settings = rule, settings

    def apply(self, keys):
        """-> per head the kept indices, and the scores [n_kv_heads, n]."""
        size, kept, scores = compute_n_kept(keys.shape[2], self.compression_ratio), [], []
        for head in keys[0]:
            protected, chosen, rank = self.rule(head, size, **self.settings)
            kept.append(sorted([*protected, *chosen]))
            scores.append(-rank)
            scores[-1][list(protected)] = PROTECTED
        return kept, torch.stack(scores)

    def score(self, module, hidden_states, keys, values, attentions, kwargs):
        return self.apply(keys)[1][None]

    def compress(self, module, hidden_states, keys, values, attentions, kwargs):
        self.score(module, hidden_states, keys, values, attentions, kwargs)  # recorded, for ties
        index = torch.tensor(self.apply(keys)[0])[None, :, :, None].expand(-1, -1, -1, keys.shape[3])
        return keys.gather(2, index).contiguous(), values.gather(2, index).contiguous()


def causal_attention(module, hidden_states, keys, position_embeddings):
    """[n_kv_heads, group_size, T, T] as the model computed it."""
    queries = get_prerope_query_states(module, hidden_states)[0]
    cos, sin = (table[0] for table in position_embeddings)
    queries = queries * cos + rotate_half(queries) * sin
    n_kv_heads, n_tokens, d = keys.shape
    queries = queries.view(n_kv_heads, -1, n_tokens, d)
    logits = queries @ keys[:, None].mT / math.sqrt(d)
    hidden = torch.ones(n_tokens, n_tokens, dtype=torch.bool).triu(1)
    return logits.masked_fill(hidden, float("-inf")).softmax(-1)


class H2OAttentionPress(ScorerPress):
    """Attention summed over queries (a vote loses `decay` with every later query) and heads; both ends protected."""

    def __init__(self, compression_ratio, start_size=4, recent_size=8, decay=1.0, per_head=False):
        super().__init__(compression_ratio)
        self.start_size, self.recent_size = start_size, recent_size
        self.decay, self.per_head = decay, per_head

    def score(self, module, hidden_states, keys, values, attentions, kwargs):
        attention = causal_attention(module, hidden_states, keys[0], kwargs["position_embeddings"])
        n_tokens = keys.shape[2]
        age = torch.arange(n_tokens - 1, -1, -1)
        votes = (attention.double() * (self.decay**age.double())[:, None]).sum(2).sum(1)
        if not self.per_head:
            votes = votes.sum(0, keepdim=True).expand(keys.shape[1], -1)
        scores = votes.float().clone()
        kept = compute_n_kept(n_tokens, self.compression_ratio)
        assert kept > self.start_size + self.recent_size, "kvcompress's sizes leave no heavy hitter"
        scores[:, : self.start_size] = PROTECTED
        scores[:, max(0, n_tokens - self.recent_size) :] = PROTECTED
        return scores[None]
