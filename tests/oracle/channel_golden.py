# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/channels.json: which key channels kvpress's ThinK leaves, on the tiny checkpoints of the repository.

    .venv-oracle/bin/python tests/oracle/channel_golden.py

Every case holds the composition as kvhost spells it, the budget in entries per head (null: all stay), and per layer and
KV head the ascending channels that are not zero afterwards.
"""

import json
from importlib.metadata import version

import torch
from common import ROOT
from kvpress import ComposedPress, KnormPress, SnapKVPress, ThinKPress
from peer_result import WINDOW, ratio_for
from tiny import draw_tokens, load_model
from transformers import DynamicCache

MODELS = ["llama_gqa", "llama_mha", "qwen2", "qwen3", "llama_head20"]
N_TOKENS, BUDGET = 90, 33


def think(ratio: float) -> ThinKPress:
    return ThinKPress(key_channel_compression_ratio=ratio, window_size=WINDOW)


def rows() -> list:
    """(composition, budget, press)"""
    cut = {"compression_ratio": ratio_for(BUDGET, N_TOKENS)}
    found = []
    for ratio in (0.3, 0.5):
        spec = f"think(window_size={WINDOW},key_channel_compression_ratio={ratio})"
        found.append((spec, None, think(ratio)))
        snap = SnapKVPress(window_size=WINDOW, **cut)
        found.append((f"snapkv(window_size={WINDOW})+{spec}", BUDGET, ComposedPress([snap, think(ratio)])))
        found.append((f"knorm+{spec}", BUDGET, ComposedPress([KnormPress(**cut), think(ratio)])))
    return found


def channels_left(model, tokens: list, press) -> list:
    """[layer][KV head] ascending channels with a key that is not 0."""
    cache = DynamicCache()
    with torch.no_grad(), press(model):
        model(torch.tensor([tokens]), past_key_values=cache)
    return [[(head != 0).any(0).nonzero()[:, 0].tolist() for head in layer.keys[0]] for layer in cache.layers]


def main():
    cases = []
    for name in MODELS:
        model = load_model(ROOT / "tests/golden/models" / name)
        tokens = draw_tokens(N_TOKENS, model.config.get_text_config().vocab_size, seed=31)
        for spec, budget, press in rows():
            case = {"model": name, "tokens": tokens, "press": spec, "budget": budget}
            cases.append({**case, "channels": channels_left(model, tokens, press)})
    versions = {name: version(name) for name in ("kvpress", "transformers", "torch")}
    golden = {"generator": "tests/oracle/channel_golden.py", "versions": versions, "cases": cases}
    path = ROOT / "tests/golden/channels.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path}: {len(cases)} cases")


if __name__ == "__main__":
    main()
