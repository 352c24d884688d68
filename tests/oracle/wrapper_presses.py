# SPDX-License-Identifier: Apache-2.0
"""kvhost's wrappers, allocators and chains beside the peer's, and what those kept after a prefill.

Many of these decide in several steps, so a tie is not told from a score at one cut: the peer runs again with its inner
scores shaken by a relative 1e-5, and a position whose fate changes may fall either way. Shakes come in opposite pairs,
so that of two equal entries each comes first once; where many are equal, all of them are unsure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

import torch
from kvpress import (
    BlockPress,
    ChunkKVPress,
    ChunkPress,
    ComposedPress,
    CriticalAdaKVPress,
    DMSPress,
    ExpectedAttentionPress,
    KeyDiffPress,
    KeyRerotationPress,
    KnormPress,
    MergingPress,
    ObservedAttentionPress,
    PerLayerCompressionPress,
    SimLayerKVPress,
    SnapKVPress,
    StreamingLLMPress,
    TOVAPress,
)
from kvpress.presses.entropy_gated_chunkkv_press import EntropyGatedChunkKVPress
from learned_presses import DuoAttention, LUKV
from peer_result import REFUSALS, WINDOW, LayerResult, PeerResult, found_again, ratio_for, refusal, unmasked
from scorer_presses import KVzap, QFilter
from transformers import DynamicCache

SNAP = f"snapkv(window_size={WINDOW})"
SHAKES = [(frequency, sign) for frequency in (1e4, 3e4, 7e4, 2e5, 5e5, 1e6) for sign in (1, -1)]
LAYER_RATIOS = [0.25, 0.6, 0.1, 0.45] * 8  # as many as the deepest model compared has layers, and more
LAYERS = "LAYER_RATIOS"  # stands in a row's name for as many of them as the model has layers


def as_is(n_tokens: int, n_kept: int) -> tuple[int, int]:
    return n_tokens, n_kept


def chunks_of(length: int) -> Callable:
    """Prompts of whole chunks."""
    return lambda n_tokens, n_kept: (max(n_tokens // length, 1) * length, n_kept)


def squares(n_tokens: int, n_kept: int) -> tuple[int, int]:
    """Two squares, n_kept below n_tokens: what a chain of two leaves after the first is a whole number then.

    At any other count the members' shares are rounded, and the first may keep one entry more on one side.
    """
    side = max(isqrt(n_tokens), 2)
    return side**2, min(isqrt(n_kept), side - 1) ** 2


@dataclass(frozen=True)
class Row:
    build: Callable  # ratio -> press
    own_total: bool = False  # the method decides how much is kept
    eager: bool = False  # the peer reads the model's attention weights
    fit: Callable = as_is  # (n_tokens, n_kept) -> the nearest ones that can be compared
    chunk: int = 0  # shares of such chunks may differ by design
    protected: int = 0  # entries per head that are pinned; a head with fewer chooses among equals by design
    renumbers: bool = False  # the cache no longer holds the original positions


def snap(ratio: float) -> SnapKVPress:
    return SnapKVPress(compression_ratio=ratio, window_size=WINDOW)


def over(wrapper: Callable, inner: Callable, /, **settings) -> Callable:
    return lambda r: wrapper(press=inner(r), **settings)


def dms(inner: Callable, threshold: float, window: int) -> Row:
    return Row(
        lambda r: DMSPress(press=inner(0.5), threshold=threshold, sliding_window_size=window), own_total=True
    )


def lazy(**settings) -> Row:
    return Row(lambda r: SimLayerKVPress(**settings), own_total=True)


def chain(*members: Callable) -> Row:
    """Two members, each of which keeps the same share."""
    return Row(lambda r: ComposedPress([m(1 - (1 - r) ** 0.5) for m in members]), fit=squares)


def per_layer(inner: Callable) -> Row:
    return Row(lambda r: PerLayerCompressionPress(inner(0.5), LAYER_RATIOS), own_total=True)


def duo(**settings) -> Row:
    return Row(lambda r: DuoAttention(**settings), own_total=True)


def lukv(inner: Callable, pinned_inside: int = 0, **settings) -> Row:
    protected = settings.get("sink", 4) + settings.get("window", 1) + pinned_inside
    return Row(lambda r: LUKV(press=inner(0.5), **settings), own_total=True, protected=protected)


def ea(ratio: float) -> ExpectedAttentionPress:
    return ExpectedAttentionPress(compression_ratio=ratio, use_vnorm=False)


CHUNK, ENTROPY = "chunkkv(chunk_length=", "entropy_gated_chunkkv(chunk_length="
RECENT = "n_initial=4,n_last="
WRAPPERS = {
    "observed_attention": Row(ObservedAttentionPress, eager=True),
    f"critical_adakv:{SNAP}": Row(over(CriticalAdaKVPress, snap)),
    "critical_adakv:knorm": Row(over(CriticalAdaKVPress, KnormPress)),
    "critical_adakv:expected_attention(use_vnorm=false)": Row(over(CriticalAdaKVPress, ea)),
    "critical_adakv(alpha_safeguard=0.5,first_stage_ratio=0.3):keydiff": Row(
        over(CriticalAdaKVPress, KeyDiffPress, alpha_safeguard=0.5, first_stage_ratio=0.3)
    ),
    f"chunkkv:{SNAP}": Row(over(ChunkKVPress, snap)),
    "chunkkv:knorm": Row(over(ChunkKVPress, KnormPress)),
    f"{CHUNK}7):keydiff": Row(over(ChunkKVPress, KeyDiffPress, chunk_length=7)),
    f"entropy_gated_chunkkv:{SNAP}": Row(over(EntropyGatedChunkKVPress, snap)),
    "entropy_gated_chunkkv:keydiff": Row(over(EntropyGatedChunkKVPress, KeyDiffPress)),
    f"{ENTROPY}7,low_entropy_chunk_length=2):knorm": Row(
        over(EntropyGatedChunkKVPress, KnormPress, chunk_length=7, low_entropy_chunk_length=2)
    ),
    "block:keydiff": Row(over(BlockPress, KeyDiffPress)),
    "block(block_size=16):keydiff": Row(over(BlockPress, KeyDiffPress, block_size=16)),
    "block(block_size=31):knorm": Row(over(BlockPress, KnormPress, block_size=31)),
    "chunk(chunk_length=12):knorm": Row(over(ChunkPress, KnormPress, chunk_length=12), fit=chunks_of(12)),
    "chunk(chunk_length=12):keydiff": Row(over(ChunkPress, KeyDiffPress, chunk_length=12), fit=chunks_of(12)),
    "chunk(chunk_length=40):knorm": Row(over(ChunkPress, KnormPress, chunk_length=40), chunk=40),
    "chunk(chunk_length=40):keydiff": Row(over(ChunkPress, KeyDiffPress, chunk_length=40), chunk=40),
    "dms(threshold=-4.5,sliding_window_size=16):knorm": dms(KnormPress, -4.5, 16),
    "dms(threshold=-5.5,sliding_window_size=0):knorm": dms(KnormPress, -5.5, 0),
    f"dms(threshold=0.004,sliding_window_size=8):{SNAP}": dms(snap, 0.004, 8),
    "dms(threshold=0,sliding_window_size=16):qfilter": dms(QFilter, 0.0, 16),
    "dms(threshold=0.1,sliding_window_size=16):kvzap": dms(KVzap, 0.1, 16),
    "dms(threshold=-0.2,sliding_window_size=8):kvzap(model_type=linear)": dms(
        lambda r: KVzap(compression_ratio=r, model_type="linear"), -0.2, 8
    ),
    f"per_layer(compression_ratios={LAYERS}):knorm": per_layer(KnormPress),
    f"per_layer(compression_ratios={LAYERS}):{SNAP}": per_layer(snap),
    f"simlayerkv(lazy_threshold=0.2,n_recent=24,{RECENT}1):streaming_llm": lazy(
        lazy_threshold=0.2, n_recent=24, n_initial=4
    ),
    f"simlayerkv(lazy_threshold=0.35,n_recent=30,{RECENT}1):streaming_llm": lazy(
        lazy_threshold=0.35, n_recent=30, n_initial=4
    ),
    f"simlayerkv(lazy_threshold=0.15,n_recent=12,{RECENT}3):streaming_llm": lazy(
        lazy_threshold=0.15, n_recent=12, n_initial=4, n_last=3
    ),
    "key_rerotation:knorm": Row(over(KeyRerotationPress, KnormPress), renumbers=True),
    "key_rerotation:streaming_llm": Row(over(KeyRerotationPress, StreamingLLMPress), renumbers=True),
    f"key_rerotation:{SNAP}": Row(over(KeyRerotationPress, snap), renumbers=True),
    "duo_attention(head_compression_ratio=0.5,sink_size=4,recent_size=12)": duo(
        head_compression_ratio=0.5, sinks=4, recent=12
    ),
    "duo_attention(head_compression_ratio=0.7,sink_size=0,recent_size=30)": duo(
        head_compression_ratio=0.7, sinks=0, recent=30
    ),
    "lukv(compression_ratio=0.5):expected_attention(epsilon=0.02)": lukv(
        lambda r: ExpectedAttentionPress(compression_ratio=r, epsilon=2e-2), compression_ratio=0.5
    ),
    "lukv(compression_ratio=0.3,sink=2,window=3):keydiff": lukv(
        KeyDiffPress, compression_ratio=0.3, sink=2, window=3
    ),
    f"lukv(compression_ratio=0.5):{SNAP}": lukv(snap, WINDOW, compression_ratio=0.5),
    "merging:knorm": Row(over(MergingPress, KnormPress)),
    f"merging(similarity_threshold=0.2,merge_fraction=0.5):{SNAP}": Row(
        over(MergingPress, snap, similarity_threshold=0.2, merge_fraction=0.5)
    ),
    "knorm+knorm": chain(KnormPress, KnormPress),
    "streaming_llm+knorm": chain(StreamingLLMPress, KnormPress),
    f"{SNAP}+knorm": chain(snap, KnormPress),
    "tova+keydiff": chain(TOVAPress, KeyDiffPress),
}


def inner_scorers(press) -> list:
    """The presses at the bottom, which look at the cache and give scores."""
    members = getattr(press, "presses", None) or [getattr(press, "press", None)]
    found = [scorer for member in members if member is not None for scorer in inner_scorers(member)]
    return found or ([press] if hasattr(press, "score") else [])


def shake_scores(press, frequency: float, sign: int, rel: float) -> None:
    """Shadows press.score: every score is off by up to `rel` of itself, by a number that an entry's key gives."""
    original = press.score

    def score(module, hidden_states, keys, *rest):
        scores = original(module, hidden_states, keys, *rest)  # [1, n_kv_heads, T]
        return scores + sign * rel * scores.abs() * torch.sin(frequency * keys.sum(-1))

    press.score = score


def record_scores(press, layers: list) -> None:
    """Shadows press.score: the first scores of a layer, those of the prompt's front, are kept aside for equal ones."""
    original = press.score

    def score(module, hidden_states, keys, *rest):
        scores = original(module, hidden_states, keys, *rest)
        if layers[module.layer_idx].inner is None:
            layers[module.layer_idx].inner = scores[0].clone()
        return scores

    press.score = score


def record_kept(press, layers: list) -> None:
    """Shadows press.forward_hook: reads from the cache before and after, or from the mask, what is left."""
    original, rotated = press.forward_hook, {}

    def rerotate_keys(module, indices, keys):
        rotated[module.layer_idx] = indices[0].tolist()
        return KeyRerotationPress.rerotate_keys(module, indices, keys)

    def forward_hook(module, input, kwargs, output):
        cache = kwargs["past_key_values"].layers[module.layer_idx]
        full, values = cache.keys.clone(), cache.values.clone()  # [1, n_kv_heads, T, d]
        output = original(module, input, kwargs, output)
        layer, masked = layers[module.layer_idx], getattr(module, "masked_key_indices", None)
        if masked is not None:
            layer.kept = unmasked(masked, full.shape[1], full.shape[2])
            module.masked_key_indices = None  # only this prefill is of interest
        else:
            layer.kept = rotated.get(module.layer_idx) or found_again(full[0], cache.keys[0])
        if isinstance(press, BlockPress):  # it scores what it kept and one block; equal ones may be anywhere
            layer.inner = press.press.score(module, kwargs["hidden_states"], full, values, None, kwargs)[0]
        return output

    press.forward_hook = forward_hook
    if isinstance(press, KeyRerotationPress):
        press.rerotate_keys = rerotate_keys


def kept_by_peer(model, tokens: list, row: Row, ratio: float, shake: tuple | None = None) -> list:
    """One prefill -> LayerResult of every layer. [raises] one of REFUSALS where the peer has no answer."""
    press = row.build(ratio)
    layers = [LayerResult() for _ in range(model.config.num_hidden_layers)]
    for scorer in inner_scorers(press):
        record_scores(scorer, layers)
        if shake:
            shake_scores(scorer, *shake)
    record_kept(press, layers)
    model.set_attn_implementation("eager" if row.eager else "sdpa")
    try:
        with torch.no_grad(), press(model):
            model.model(torch.tensor([tokens]), past_key_values=DynamicCache())
    finally:
        model.set_attn_implementation("sdpa")
    return layers


def mark_unsure(model, tokens: list, row: Row, ratio: float, layers: list, rel: float) -> None:
    """Positions that shaken scores decide otherwise, per layer and head."""
    unsure = [[set() for _ in layer.kept] for layer in layers]
    for frequency, sign in SHAKES:
        shaken = kept_by_peer(model, tokens, row, ratio, (frequency, sign, rel))
        for heads, layer, other in zip(unsure, layers, shaken):
            for head, (kept, again) in enumerate(zip(layer.kept, other.kept)):
                heads[head] |= set(kept) ^ set(again)
    for heads, layer in zip(unsure, layers):
        layer.unsure = [equal_ones(layer.inner, head, positions, rel) for head, positions in enumerate(heads)]


def equal_ones(scores: torch.Tensor | None, head: int, positions: set, rel: float) -> list:
    """`positions` and those whose score is that of one of them, protected ones (at the maximum) aside."""
    found = set(positions)
    if positions and scores is not None and scores.shape[1] > max(positions):
        row = scores[head]
        for position in (p for p in positions if row[p] < row.max()):
            found |= set(((row - row[position]).abs() <= rel * row[position].abs()).nonzero()[:, 0].tolist())
    return sorted(found)


def apportioned(lengths: list, total: int) -> list:
    """`total` in proportion to lengths: floors first, one more for the largest remainders, earlier ones first."""
    exact = [total * n / sum(lengths) for n in lengths]
    shares = [int(x) for x in exact]
    order = sorted(range(len(exact)), key=lambda i: shares[i] - exact[i])
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares


def other_shares(layers: list, n_tokens: int, length: int) -> str:
    """Says so when the peer's chunks, each rounded down, do not keep what a split of their sum gives them."""
    lengths = [min(length, n_tokens - begin) for begin in range(0, n_tokens, length)]
    kept = layers[0].kept[0]
    theirs = [sum(p // length == c for p in kept) for c in range(len(lengths))]
    ours = apportioned(lengths, len(kept))
    return "" if ours == theirs else f"chunks keep {ours}, each rounded down {theirs}"


def too_few(layers: list, protected: int) -> str:
    """Says so when a head gets fewer entries than are pinned: the peer drops the last of those, kvhost the first."""
    least = min(len(kept) for layer in layers for kept in layer.kept)
    return f"a head gets {least} entries, {protected} are protected" if least < protected else ""


def spelled(spec: str, n_layers: int) -> str:
    """The row's name with a ratio for every layer where it needs them."""
    return spec.replace(LAYERS, str(LAYER_RATIOS[:n_layers]).replace(" ", ""))


def request(spec: str, row: Row, layers: list, n_tokens: int) -> tuple[str, int | None]:
    """-> (composition, --budget) that asks kvhost for the peer's counts."""
    spec = spelled(spec, len(layers))
    if row.own_total:
        return spec, None
    totals = [sum(map(len, layer.kept)) for layer in layers]
    n_heads = len(layers[0].kept)
    if len(set(totals)) == 1:
        return spec, totals[0] // n_heads
    ratios = [ratio_for(total // n_heads, n_tokens) for total in totals]  # a short last chunk in some layers
    return f"per_layer(compression_ratios=[{','.join(map(repr, ratios))}]):{spec}", None


def run_wrapper(model, tokens: list, spec: str, n_kept: int) -> PeerResult:
    """Prefills `tokens` under WRAPPERS[spec] at n_kept entries per head, or as near as the peer comes."""
    row = WRAPPERS[spec]
    ratio = ratio_for(n_kept, len(tokens))
    try:
        layers = kept_by_peer(model, tokens, row, ratio)
    except REFUSALS as error:
        return PeerResult(refused=refusal(error))
    result = PeerResult(layers=layers)
    result.press, result.budget = request(spec, row, layers, len(tokens))
    result.judge = lambda rel: mark_unsure(model, tokens, row, ratio, layers, rel)
    if row.chunk:
        result.by_design = other_shares(layers, len(tokens), row.chunk)
    if row.protected:
        result.by_design = too_few(layers, row.protected)
    return result


def fitted(spec: str, n_tokens: int, n_kept: int) -> tuple[int, int]:
    """The length and the count that the row can be compared at."""
    return WRAPPERS[spec].fit(n_tokens, n_kept) if spec in WRAPPERS else (n_tokens, n_kept)


def own_total(spec: str) -> bool:
    return spec in WRAPPERS and WRAPPERS[spec].own_total
