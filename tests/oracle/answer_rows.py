# SPDX-License-Identifier: Apache-2.0
"""kvpress 0.5.5's evaluation registry as presses, each beside the composition that its name stands for here.

A row may have a `mended` press: kvpress's with one named defect (kvpress_gaps.md B) taken out. Where answers differ
from kvpress's and equal the mended press's, the defect explains the difference.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from kvpress import (
    AdaKVPress,
    BlockPress,
    ChunkKVPress,
    ComposedPress,
    CriticalAdaKVPress,
    CriticalKVPress,
    CURPress,
    DecodingPress,
    DMSPress,
    ExpectedAttentionPress,
    FinchPress,
    KeyDiffPress,
    KnormPress,
    KVzipPress,
    LagKVPress,
    MergingPress,
    ObservedAttentionPress,
    PyramidKVPress,
    SnapKVPress,
    StreamingLLMPress,
    ThinKPress,
    TOVAPress,
)
from kvpress.presses.base_press import BasePress
from kvpress.presses.cam_press import CAMPress
from kvpress.presses.kvcompose_press import KVComposePress
from kvpress.presses.kvgrad_press import KVgradPress
from learned_presses import LUKV, DuoAttention, DuoOnTheFly
from pass_presses import Gates
from restore_press import Restored
from scorer_presses import INJECTED, SKETCH_DIM, Compactor, KVzap, QFilter, Random

EVERY = 8  # tokens between two cuts while generating


@dataclass(frozen=True)
class Row:
    build: Callable  # ratio -> press; n_kept -> press for those that cut while generating
    here: str = ""  # the composition, where parameters are added to what the registry's name stands for
    every: int = 0  # > 0: cuts while generating, every so many tokens
    own_total: bool = False  # the method decides how much is kept
    reached: bool = False  # asked for the count that kvpress reached
    share: float = 0  # of the entries kept, where it is not the prompt's
    eager: bool = False  # the peer reads the model's attention weights
    mended: Callable | None = None  # the same without kvpress's defect
    gap: str = ""  # which one: kvpress_gaps.md


def snap(r: float) -> SnapKVPress:
    return SnapKVPress(compression_ratio=r)


def think(r: float) -> ThinKPress:
    return ThinKPress(key_channel_compression_ratio=0.5)  # kvhost's default; the peer's prunes nothing


def plain(press: Callable, **settings) -> Callable:
    return lambda r: press(compression_ratio=r, **settings)


def over(wrapper: Callable, inner: Callable, /, **settings) -> Callable:
    return lambda r: wrapper(press=inner(r), **settings)


ea = plain(ExpectedAttentionPress, use_vnorm=False)
ea_eps = plain(ExpectedAttentionPress, epsilon=1e-2)


class TruePositions(DecodingPress):
    """Buffered queries are rotated by their own positions, not by the current token's or the buffer's length."""

    def compress(self, module, hidden_states, keys, values, attentions, kwargs):
        last = int(kwargs["position_ids"].max())
        positions = torch.arange(last + 1 - hidden_states.shape[1], last + 1)[None]
        scorer = getattr(self.base_press, "press", self.base_press)
        if isinstance(scorer, FutureAttention):
            scorer.n_seen = last + 1
        tables = module.rotary_emb(hidden_states, positions)
        kwargs = {**kwargs, "position_embeddings": tables}
        return super().compress(module, hidden_states, keys, values, attentions, kwargs)


class FutureAttention(ExpectedAttentionPress):
    """Positions to come are counted from the tokens seen."""

    n_seen = 0

    def apply_avg_rope(self, module, mu, cov, q_len):
        return super().apply_avg_rope(module, mu, cov, self.n_seen or q_len)


class OrderedStreaming(StreamingLLMPress):
    """Kept entries stay in their order, so that the first slots are the first tokens at the next cut, too."""

    def compress(self, module, hidden_states, keys, values, attentions, kwargs):
        scores = self.score(module, hidden_states, keys, values, attentions, kwargs)
        kept = scores[0, 0].nonzero()[:, 0]
        return keys[:, :, kept].contiguous(), values[:, :, kept].contiguous()


def decoding(inner: Callable, every: int = EVERY, press: Callable = DecodingPress) -> Callable:
    return lambda n: press(inner(0.0), compression_interval=every, target_size=n)


def decode_row(inner: Callable, **settings) -> Row:
    return Row(decoding(inner), every=EVERY, **settings)


def cam_row(inner: Callable, **settings) -> Row:
    build = lambda n: CAMPress(inner(0.0), compression_interval=EVERY, target_size=n)  # noqa: E731
    return Row(build, every=EVERY, **settings)


ONCE = 2 * EVERY  # one cut within the answer: at a second one AdaKV's masked keys, overwritten, would be scored again
SNAP8 = plain(SnapKVPress, window_size=8)
ADA_SNAP = lambda r: AdaKVPress(SNAP8(r))  # noqa: E731
ADA_EA = lambda r: AdaKVPress(ea_eps(r))  # noqa: E731
ADA_EA_TRUE = lambda r: AdaKVPress(FutureAttention(compression_ratio=r, epsilon=1e-2))  # noqa: E731


def zip_row(press: Callable = KVzipPress, **settings) -> Row:
    """The peer rounds the share removed down, the others the share kept: a hundred millionth more removed is the same count."""
    return Row(lambda r: press(compression_ratio=r + 1e-8, **settings))


class OneReading(KVComposePress):
    """The second reading's keys and values do not stay in the cache."""

    def compress_unstructured(self, model):
        super().compress_unstructured(model)
        self.cache.crop(self.context_len)


class AskedFinch(FinchPress):
    """The context ends with its question, whose length is known: no delimiter, which the pipeline counts as a position."""

    def __call__(self, model):
        self.window_size = FINCH_QUESTION
        return BasePress.__call__(self, model)


FINCH_QUESTION = 9
SKETCHED = f"{INJECTED},rule=kvpress"
compactor = plain(Compactor, sketch_dimension=SKETCH_DIM)
ROWS = {
    "adakv_snapkv": Row(over(AdaKVPress, snap)),
    "block_keydiff": Row(over(BlockPress, plain(KeyDiffPress), block_size=128)),
    "chunkkv": Row(over(ChunkKVPress, snap, chunk_length=20), here="chunkkv:snapkv", reached=True),
    "critical_adakv_expected_attention": Row(over(CriticalAdaKVPress, ea)),
    "critical_adakv_snapkv": Row(over(CriticalAdaKVPress, snap)),
    "critical_expected_attention": Row(over(CriticalKVPress, ea)),
    "critical_snapkv": Row(over(CriticalKVPress, snap)),
    "cur": Row(plain(CURPress)),
    "duo_attention": Row(lambda r: DuoAttention(head_compression_ratio=0.5), own_total=True),
    "duo_attention_on_the_fly": Row(lambda r: DuoOnTheFly(head_compression_ratio=0.5), own_total=True),
    "expected_attention": Row(over(AdaKVPress, ea_eps), here="adakv_expected_attention"),
    "keydiff": Row(plain(KeyDiffPress)),
    "fastkvzip": zip_row(Gates),
    "finch": Row(plain(AskedFinch), here=f"key_rerotation:finch(question_tokens={FINCH_QUESTION})"),
    # A layer that would get nothing: one entry within the total, as it is here.
    "kvcompose": Row(plain(KVComposePress), mended=plain(KVComposePress, keep_token_lower_bound=1), gap="B14"),
    "kvcompose_unstructured": Row(
        plain(KVComposePress, structured=False), mended=plain(OneReading, structured=False), gap="B7"
    ),
    "RestoreKV": zip_row(Restored),
    "RestoreKV_plus": zip_row(Restored, kvzip_plus_normalization=True),
    "kvgrad": zip_row(KVgradPress),
    "kvzip": zip_row(),
    "kvzip_plus": zip_row(kvzip_plus_normalization=True),
    "kvzap_linear": Row(
        lambda r: DMSPress(KVzap(model_type="linear"), threshold=-0.2),
        here="dms(threshold=-0.2):kvzap(model_type=linear)",
        own_total=True,
    ),
    "kvzap_mlp": Row(lambda r: DMSPress(KVzap(), threshold=0.1), here="dms(threshold=0.1):kvzap", own_total=True),
    "kvzap_mlp_head": Row(plain(KVzap)),
    "kvzap_mlp_layer": Row(over(AdaKVPress, plain(KVzap))),
    "lagkv": Row(plain(LagKVPress)),
    "lukv": Row(
        lambda r: LUKV(ExpectedAttentionPress(epsilon=2e-2), compression_ratio=0.5),
        here="lukv(compression_ratio=0.5):expected_attention(epsilon=0.02)",
        own_total=True,
    ),
    "knorm": Row(plain(KnormPress)),
    "observed_attention": Row(plain(ObservedAttentionPress), eager=True),
    # At less kvpress's last layer would get fewer than the window, and all layers get the same.
    "pyramidkv": Row(plain(PyramidKVPress), here="pyramidkv_snapkv", share=0.75, gap="B14"),
    "qfilter": Row(plain(QFilter)),
    "random": Row(plain(Random, seed=7), here="random(seed=7)"),
    "snapkv": Row(snap),
    "snap_think": Row(lambda r: ComposedPress([snap(r), think(r)])),
    "streaming_llm": Row(plain(StreamingLLMPress)),
    "think": Row(think, own_total=True),
    "tova": Row(plain(TOVAPress)),
    "compactor": Row(compactor, here=f"compactor({SKETCHED})"),
    "adakv_compactor": Row(over(AdaKVPress, compactor), here=f"adakv:compactor({SKETCHED})"),
    "no_press": Row(lambda r: None, here="none", own_total=True),
    "cam_streaming_llm": cam_row(plain(StreamingLLMPress)),
    "cam_knorm": cam_row(plain(KnormPress)),
    "cam_adakv_snapkv": cam_row(ADA_SNAP, here="cam:adakv:snapkv(window_size=8)", gap="B4"),
    "cam_tova": cam_row(plain(TOVAPress)),
    "decoding_knorm": decode_row(plain(KnormPress)),
    "decoding_streaming_llm": decode_row(
        plain(StreamingLLMPress), mended=decoding(plain(OrderedStreaming)), gap="B2"
    ),
    "decoding_tova": decode_row(plain(TOVAPress)),
    "decoding_qfilter": decode_row(plain(QFilter)),
    # kvpress's buffer holds the queries since the last cut, and expected attention drops the first four of those.
    "decoding_adakv_expected_attention_e2": Row(
        decoding(ADA_EA, ONCE),
        here=f"adakv:expected_attention(epsilon=0.01,query_window={ONCE - 4})",
        every=ONCE,
        mended=decoding(ADA_EA_TRUE, ONCE, TruePositions),
        gap="B3",
    ),
    "decoding_adakv_snapkv": Row(
        decoding(ADA_SNAP, ONCE),
        here="adakv:snapkv(window_size=8)",
        every=ONCE,
        mended=decoding(ADA_SNAP, ONCE, TruePositions),
        gap="B3",
    ),
    "decoding_keydiff": decode_row(plain(KeyDiffPress)),
    "merging_knorm": Row(over(MergingPress, plain(KnormPress))),
    "merging_snapkv": Row(over(MergingPress, snap)),
    "merging_expected_attention": Row(over(MergingPress, ea_eps)),
    "merging_kvzap_mlp": Row(over(MergingPress, plain(KVzap))),
}
