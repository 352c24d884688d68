# SPDX-License-Identifier: Apache-2.0
"""kvhost's methods that read the prompt more than once beside the peer's, and what those kept.

What the peer evicts is read off its masks. Its scores of all layers are ranked together, so a tie is told by ranking
them again with every score off by up to a relative 1e-5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch
from kvpress import FinchPress, KVzipPress
from kvpress.presses import kvzip_press
from kvpress.presses.fastkvzip_press import FastKVzipGate, FastKVzipPress
from kvpress.presses.kvcompose_press import KVComposePress
from kvpress.presses.kvgrad_press import KVgradPress
from peer_result import REFUSALS, LayerResult, PeerResult, found_again, ratio_for, refusal, unmasked
from replay_tokens import ByteTokens
from resources import FASTKVZIP
from safetensors.torch import load_file
from transformers import AutoTokenizer, DynamicCache
from wrapper_presses import other_shares

SHAKES = 12
PLUS = "kvzip_plus_normalization=true"


class Gates(FastKVzipPress):
    """Reads its gates from the model's folder, where the peer downloads them."""

    def post_init_from_model(self, model):
        config, tensors = model.config, load_file(Path(model.config.name_or_path) / FASTKVZIP)
        sizes = dict(output_dim=tensors["layers.0.k_base"].shape[3], sink=tensors["layers.0.k_base"].shape[2])
        n_groups = config.num_attention_heads // config.num_key_value_heads
        self.gates = []
        for layer in range(config.num_hidden_layers):
            gate = FastKVzipGate(layer, config.hidden_size, config.num_key_value_heads, n_groups, torch.float32, **sizes)
            start = f"layers.{layer}."
            gate.load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
            self.gates.append(gate)


@dataclass(frozen=True)
class PassRow:
    build: Callable  # ratio -> press
    collect: Callable  # how its scores are got at and what they keep
    question: int = 0  # last tokens that are the question, behind a delimiter


def zip_row(press: Callable = KVzipPress, **settings) -> PassRow:
    return PassRow(lambda r: press(compression_ratio=r, **settings), ranked_together)


def compose_row(**settings) -> PassRow:
    return PassRow(lambda r: KVComposePress(compression_ratio=r, **settings), composed)


def ratio_removed(n_kept: int, n_tokens: int) -> float:
    """The fraction removed at which int(entries * ratio) leaves exactly n_kept per head."""
    return (n_tokens - n_kept + 1e-6) / n_tokens


def kept_now(model, n_tokens: int) -> list:
    """Per layer and head what the masks leave."""
    modules = [layer.self_attn for layer in model.model.layers]
    n_heads = model.config.num_key_value_heads
    kept = [unmasked(module.masked_key_indices, n_heads, n_tokens) for module in modules]
    for module in modules:
        module.masked_key_indices = None  # only this prefill is of interest
    return kept


def shaken(scores: torch.Tensor, rel: float, generator) -> torch.Tensor:
    """Every score off by up to `rel` of itself."""
    return scores * (1 + rel * (2 * torch.rand(scores.shape, generator=generator) - 1))


def ranked_together(press, model, tokens: list, prefill: Callable) -> tuple[list, Callable]:
    """KVzip's kind: scores of all layers, then one ranking -> kept, rel -> kept once more with scores shaken."""
    scores, original = [], press.compress_post

    def compress_post(of):
        scores.append(torch.stack(list(press.score_val)).clone())
        original(of)

    press.compress_post = compress_post
    prefill()
    press.compress_post = original

    def again(rel, generator):
        noisy = shaken(scores[0], rel, generator)
        press.score_val = list(noisy) if isinstance(press, Gates) else noisy
        press.compress_post(model)
        return kept_now(model, len(tokens))

    return kept_now(model, len(tokens)), again


def composed(press, model, tokens: list, prefill: Callable) -> tuple[list, Callable]:
    """KVCompose: what its masks of important tokens say."""
    found, original = {}, press.prepare_important_masks

    def prepare_important_masks():
        original()
        found["masks"] = [[mask.nonzero()[:, 0].tolist() for mask in layer] for layer in press.important_mask_per_kv_head]

    def run(rel=0.0, generator=None):
        compute = type(press).compute_scores

        def compute_scores():
            compute(press)
            if generator is not None:
                press.scores = shaken(press.scores, rel, generator)

        press.compute_scores = compute_scores
        prefill()
        if not press.structured:
            kept_now(model, len(tokens))
        return found["masks"]

    press.prepare_important_masks = prepare_important_masks
    return run(), run


def finch_kept(press, model, tokens: list, prefill: Callable) -> tuple[list, Callable]:
    """FINCH, one pass: what its compression leaves in the cache, keys not rotated anew."""

    def run(rel=0.0, generator=None):
        kept, score, compress = [], type(press).score, type(press).compress

        def noisy_score(*args):
            scores = score(press, *args)
            return scores if generator is None else shaken(scores, rel, generator)

        def recorded(module, hidden_states, keys, values, attentions, kwargs):
            new = compress(press, module, hidden_states, keys, values, attentions, kwargs)
            kept.append(found_again(keys[0], new[0][0]))
            return new

        press.score, press.compress = noisy_score, recorded
        prefill()
        return kept

    return run(), run


def finch_row(question: int, **settings) -> PassRow:
    build = lambda r: FinchPress(compression_ratio=r, rerotate_keys=False, **settings)  # noqa: E731
    return PassRow(build, finch_kept, question)


PASSES = {
    "joint:kvzip": zip_row(),
    "joint:kvzip(chunk_size=25)": zip_row(chunk_size=25),
    "adakv(alpha_safeguard=0):kvzip(n_sink=2,chunk_size=40)": zip_row(n_sink=2, chunk_size=40, layerwise=True),
    f"joint:kvzip({PLUS})": zip_row(kvzip_plus_normalization=True),
    f"joint:kvzip({PLUS},n_sink=0,chunk_size=33)": zip_row(kvzip_plus_normalization=True, n_sink=0, chunk_size=33),
    "joint:kvgrad": zip_row(KVgradPress),
    "joint:kvgrad(chunk_size=30,n_sink=1)": zip_row(KVgradPress, chunk_size=30, n_sink=1),
    "joint:fastkvzip": zip_row(Gates),
    "adakv(alpha_safeguard=0):fastkvzip(n_sink=2,window_ratio=0.1)": zip_row(
        Gates, n_sink=2, window_ratio=0.1, layerwise=True
    ),
    "composite:kvcompose": compose_row(),
    # Not add_v_norm: the peer multiplies by the values of both readings, and their numbers do not fit.
    "composite(agg_head=max):kvcompose(agg_task=mean)": compose_row(agg_head="max", agg_task="mean"),
    "joint:kvcompose": compose_row(structured=False),
    "joint:kvcompose(agg_group=max,add_mean_across_heads=false)": compose_row(
        structured=False, agg_group="max", add_mean_across_heads=False
    ),
    "finch(question_tokens=9)": finch_row(9),
    "finch(question_tokens=5,normalize_scores=false)": finch_row(5, normalize_scores=False),
    "finch(question_tokens=7,chunk_length=30)": finch_row(7, chunk_length=30),
}
def unused_token(tokens: list) -> int:
    """What stands between text and question: an id that neither holds."""
    return next(token for token in range(1, len(tokens) + 2) if token not in set(tokens))




def tokenizer_of(model):
    """The model's own, or bytes where it was drawn and has none."""
    folder = Path(model.config.name_or_path)
    files = list(folder.glob("*.gguf"))
    if files:
        return AutoTokenizer.from_pretrained(str(folder), gguf_file=files[0].name)
    if (folder / "tokenizer_config.json").exists():
        return AutoTokenizer.from_pretrained(str(folder))
    return ByteTokens(model.config.vocab_size)


def template_prefix(model) -> list:
    """The ids that the model's chat template lays before a user's text; the peer takes every text to begin with them."""
    tokenizer, text = tokenizer_of(model), "dummy context"
    if tokenizer.chat_template is None:
        return []
    message = [{"role": "user", "content": text}]
    whole = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False, enable_thinking=False)
    return tokenizer.encode(whole.split(text)[0], add_special_tokens=False)


def unsure_positions(again: Callable, kept: list, rel: float) -> list:
    """Per layer and head what falls otherwise when every score is off by up to `rel` of itself."""
    unsure = [[set() for _ in layer] for layer in kept]
    generator = torch.Generator().manual_seed(1)
    for _ in range(SHAKES):
        for found, layer, other in zip(unsure, kept, again(rel, generator)):
            for head, (one, two) in enumerate(zip(layer, other)):
                found[head] |= set(one) ^ set(two)
    return [[sorted(head) for head in layer] for layer in unsure]


def run_passes(model, tokens: list, spec: str, n_kept: int) -> PeerResult:
    """Prefills `tokens` under PASSES[spec] at n_kept entries per head on average."""
    row = PASSES[spec]
    ratio = (ratio_removed if row.collect is ranked_together else ratio_for)(n_kept, len(tokens))
    press, maker = row.build(ratio), mock.MagicMock()
    maker.from_pretrained.return_value = tokenizer_of(model)
    read = tokens
    if row.question:
        press.delimiter_token_id = unused_token(tokens)
        read = [*tokens[: -row.question], press.delimiter_token_id, *tokens[-row.question :]]

    def prefill():
        with mock.patch.object(kvzip_press, "AutoTokenizer", maker), torch.no_grad(), press(model):
            model.model(input_ids=torch.tensor([read]), past_key_values=DynamicCache())

    try:
        kept, again = row.collect(press, model, tokens, prefill)
    except REFUSALS as error:
        return PeerResult(refused=refusal(error))
    result = PeerResult(layers=[LayerResult(kept=layer) for layer in kept], press=spec, budget=n_kept)
    if row.question:
        result.budget = len(kept[0][0])
    if getattr(press, "chunk_length", None):
        result.by_design = other_shares(result.layers, len(tokens), press.chunk_length)
    if isinstance(press, KVComposePress) and press.structured and any(len(layer[0]) == 1 for layer in kept):
        result.by_design = "a layer that gets nothing keeps one entry, in the peer beyond the total"

    def judge(rel):
        for layer, unsure in zip(result.layers, unsure_positions(again, kept, rel)):
            layer.unsure = unsure

    result.judge = judge
    return result
