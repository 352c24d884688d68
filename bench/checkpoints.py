# SPDX-License-Identifier: Apache-2.0
"""Random checkpoints of real dimensions, made once and kept in a cache folder (--cache, KVHOST_CACHE, .cache/bench)."""

import json
import os
import platform
import random
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Qwen3-0.6B's dimensions.
QWEN3_06B = dict(
    vocab_size=151936,
    hidden_size=1024,
    intermediate_size=3072,
    num_hidden_layers=28,
    num_attention_heads=16,
    num_key_value_heads=8,
    head_dim=128,
    max_position_embeddings=40960,
    rope_theta=1e6,
    tie_word_embeddings=True,
)
# The same cache per token (28 layers x 8 KV heads x 128), little else: for measuring memory on long prompts.
NARROW = {**QWEN3_06B, "vocab_size": 512, "hidden_size": 256, "intermediate_size": 256}


def add_cache_flag(parser):
    default = os.environ.get("KVHOST_CACHE", str(ROOT / ".cache/bench"))
    parser.add_argument("--cache", default=default, help="folder for the random checkpoints (1.2 GB)")


def checkpoint(cache, name, sizes):
    """The folder of a random bfloat16 Qwen3 checkpoint; written on the first call."""
    folder = Path(cache) / name
    if not (folder / "model.safetensors").exists():
        import torch
        from transformers import Qwen3Config, Qwen3ForCausalLM

        torch.manual_seed(0)
        torch.set_default_dtype(torch.bfloat16)
        model = Qwen3ForCausalLM(Qwen3Config(**sizes, bos_token_id=0, eos_token_id=None))
        torch.set_default_dtype(torch.float32)
        unfinished = folder.with_suffix(".unfinished")  # an interrupted write must not pass for a checkpoint
        model.save_pretrained(unfinished, max_shard_size="4GB")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return folder


def random_tokens(cache, n, vocab_size):
    path = Path(cache) / f"tokens_{n}_{vocab_size}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draw = random.Random(n)
        path.write_text(json.dumps([draw.randrange(vocab_size) for _ in range(n)]))
    return path


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
