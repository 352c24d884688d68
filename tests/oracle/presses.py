# SPDX-License-Identifier: Apache-2.0
"""The peer's presses beside kvhost's compositions, and what the peer kept after a prefill.

`METHODS` maps a kvhost composition to a function that builds the kvpress press at a given ratio. What was kept is read
off the cache itself (each key row found again among the full keys) or off the mask of head-wise presses, never
recomputed from scores. The scores are recorded beside it, for judging ties.
"""

from functools import partial

import torch
from kvpress import (
    AdaKVPress,
    CriticalKVPress,
    KnormPress,
    PyramidKVPress,
    SnapKVPress,
    StreamingLLMPress,
)
from kvcompress_rules import adaptive_size
from pass_presses import PASSES, run_passes
from peer_result import REFUSALS, WINDOW, LayerResult, PeerResult, found_again, ratio_for, refusal, unmasked
from scorer_presses import SCORERS, RulePress, adaptive_l2, simple
from transformers import DynamicCache
from wrapper_presses import WRAPPERS, run_wrapper

SNAP = f"snapkv(window_size={WINDOW})"


def snap(ratio):
    return SnapKVPress(compression_ratio=ratio, window_size=WINDOW)


def pyramid(beta):
    return lambda r: PyramidKVPress(compression_ratio=r, window_size=WINDOW, beta=beta)


def pyramid_spec(beta):
    return f"pyramidkv(rule=kvpress,window_size={WINDOW},beta={beta}):{SNAP}"


METHODS = {
    SNAP: snap,
    "knorm": lambda r: KnormPress(compression_ratio=r),
    "streaming_llm": lambda r: StreamingLLMPress(compression_ratio=r),
    f"adakv:{SNAP}": lambda r: AdaKVPress(snap(r)),
    pyramid_spec(20): pyramid(20),
    pyramid_spec(5): pyramid(5),
    f"criticalkv:{SNAP}": lambda r: CriticalKVPress(snap(r)),
    "adakv:knorm": lambda r: AdaKVPress(KnormPress(compression_ratio=r)),
    f"adakv:criticalkv:{SNAP}": lambda r: AdaKVPress(CriticalKVPress(snap(r))),
    "uniform:knorm": lambda r: KnormPress(compression_ratio=r),
    **SCORERS,
    **WRAPPERS,
    **PASSES,
}

# Methods that need no budget: what they leave of n tokens.
OWN_BUDGET = {}
for settings in (
    dict(target_size=60, soft_limit=20, hard_limit=200),
    dict(soft_limit=40, hard_limit=300, keep_ratio_min=0.2, keep_ratio_max=0.7),
):
    row = f"adaptive_l2({','.join(f'{key}={value}' for key, value in settings.items())})"
    OWN_BUDGET[row] = partial(adaptive_size, **settings)
    METHODS[row] = simple(RulePress, rule=adaptive_l2, hard_limit=settings["hard_limit"])


def half_way(spec, n_kept, n_layers):
    """Says so where a layer of the pyramid gets a half entry: ratio_for() asks the peer for a millionth more."""
    beta = int(spec.split("beta=")[1].split(")")[0])
    low = n_kept / beta
    step = 2 * (n_kept - low) / (n_layers - 1)
    shares = [2 * n_kept - low - layer * step for layer in range(n_layers)]
    halves = [n for n, share in enumerate(shares) if abs(share % 1 - 0.5) < 1e-4]
    return f"the shares of layers {halves} end in a half, and the peer is asked for a millionth more" if halves else ""


def record_scores(press, layers, name):
    """Shadows press.score so that every call leaves a copy (later steps of the peer write into the tensor)."""
    original = press.score

    def score(module, *args, **kwargs):
        scores = original(module, *args, **kwargs)
        setattr(layers[module.layer_idx], name, scores[0].clone())
        return scores

    press.score = score


def record_stages(press, layers):
    """CriticalKV overwrites the scores that stage one chose; what stage two would have said is rebuilt here."""
    record_scores(press.press, layers, "inner")
    original = press.vwl1norm

    def vwl1norm(values, module):
        norm = original(values, module)
        layer = layers[module.layer_idx]
        layer.second = (layer.inner + press.epsilon) * norm[0]
        layer.n_first = max(1, int((1 - press.compression_ratio) * values.shape[2] * press.first_stage_ratio))
        return norm

    press.vwl1norm = vwl1norm


def record_kept(press, layers):
    """Shadows press.compress: reads which rows stayed, or which were masked."""
    original = press.compress

    def compress(module, hidden_states, keys, values, attentions, kwargs):
        new_keys, new_values = original(module, hidden_states, keys, values, attentions, kwargs)
        layer, n_heads, n_tokens = layers[module.layer_idx], keys.shape[1], keys.shape[2]
        if getattr(module, "masked_key_indices", None) is not None:
            layer.joint = True
            layer.kept = unmasked(module.masked_key_indices, n_heads, n_tokens)
            module.masked_key_indices = None  # only this prefill is of interest
        else:
            layer.kept = found_again(keys[0], new_keys[0])
        return new_keys, new_values

    press.compress = compress


def run_peer(model, tokens, spec, n_kept):
    """Prefills `tokens` under the row `spec` at exactly n_kept entries per head, or at the method's own count."""
    if not hasattr(model.config, "head_dim"):  # Qwen2's config has none, and the peer's CriticalKV reads it
        model.config.head_dim = model.config.hidden_size // model.config.num_attention_heads
    if spec in WRAPPERS:
        return run_wrapper(model, tokens, spec, n_kept)
    if spec in PASSES:
        return run_passes(model, tokens, spec, n_kept)
    budget = None if spec in OWN_BUDGET else n_kept
    n_kept = OWN_BUDGET[spec](len(tokens)) if spec in OWN_BUDGET else n_kept
    press = METHODS[spec](max(0.0, ratio_for(n_kept, len(tokens))))
    result = PeerResult(press=spec, budget=budget)
    result.layers = [LayerResult() for _ in range(model.config.num_hidden_layers)]
    if isinstance(press, PyramidKVPress):
        result.by_design = half_way(spec, n_kept, len(result.layers))
    scorer = press.press if isinstance(press, AdaKVPress) else press
    record_scores(scorer, result.layers, "scores")
    if isinstance(scorer, CriticalKVPress):
        record_stages(scorer, result.layers)
    record_kept(press, result.layers)
    try:
        with torch.no_grad(), press(model):
            model.model(torch.tensor([tokens]), past_key_values=DynamicCache())
    except REFUSALS as error:
        return PeerResult(refused=refusal(error))
    return result
