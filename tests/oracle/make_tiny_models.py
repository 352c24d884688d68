# SPDX-License-Identifier: Apache-2.0
"""Writes tiny random checkpoints of every family: config.json + model.safetensors, a few kB each.

    python tests/oracle/make_tiny_models.py [--out tests/golden/models] [--seed 0]

Written with transformers 5.2.0. The committed ones come from seed 0. Weights are drawn wide enough that logits differ
clearly and greedy continuations do not fall into a loop at once.
"""
import argparse
import json
import pathlib
import shutil

import torch
from transformers import (GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig,
                          MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

BASE = dict(vocab_size=128, hidden_size=40, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=4, max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=None,
            tie_word_embeddings=False)


def llama(**kw):
    return LlamaForCausalLM, LlamaConfig(**{**BASE, **kw})


def mistral(**kw):
    return MistralForCausalLM, MistralConfig(**{**BASE, **kw})


def qwen2(**kw):
    return Qwen2ForCausalLM, Qwen2Config(**{**BASE, **kw})


def qwen3(**kw):
    return Qwen3ForCausalLM, Qwen3Config(**{**BASE, **kw})


def neox(**kw):
    base = {k: v for k, v in BASE.items() if k != "num_key_value_heads"}
    return GPTNeoXForCausalLM, GPTNeoXConfig(**{**base, **kw})


MODELS = {
    "llama_mha": lambda: llama(),
    "llama_gqa": lambda: llama(num_attention_heads=6, num_key_value_heads=2, head_dim=8, tie_word_embeddings=True),
    "llama_head20": lambda: llama(head_dim=20, num_key_value_heads=2),
    "llama_head80": lambda: llama(head_dim=80, num_attention_heads=2, num_key_value_heads=1, num_hidden_layers=1),
    "llama_bias": lambda: llama(attention_bias=True, mlp_bias=True, num_key_value_heads=2),
    "llama3_rope": lambda: llama(rope_parameters=dict(
        rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=64), head_dim=16, num_key_value_heads=2),
    "llama_linear": lambda: llama(rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0)),
    "llama_yarn": lambda: llama(rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64), head_dim=32,
        num_attention_heads=2, num_key_value_heads=1),
    "llama_sharded": lambda: llama(num_hidden_layers=3, num_key_value_heads=2),
    "mistral_window": lambda: mistral(sliding_window=24, num_key_value_heads=2, head_dim=16),
    "qwen2": lambda: qwen2(num_key_value_heads=2, tie_word_embeddings=True),
    "qwen2_window": lambda: qwen2(num_hidden_layers=3, num_key_value_heads=2, use_sliding_window=True,
                                  sliding_window=20, max_window_layers=1),
    "qwen3": lambda: qwen3(num_key_value_heads=2, head_dim=32, tie_word_embeddings=True),
    "neox_parallel": lambda: neox(hidden_size=64, intermediate_size=96),
    "neox_serial": lambda: neox(use_parallel_residual=False, hidden_act="gelu_new", hidden_size=64,
                                intermediate_size=96),
}
# Configs written in the spelling of older checkpoints (rope_theta, rope_scaling, torch_dtype, rotary_pct).
OLD_SPELLING = {"llama_mha", "llama3_rope", "llama_yarn", "mistral_window", "qwen2", "neox_parallel"}
BFLOAT16 = {"qwen3"}
SHARDED = {"llama_sharded"}


def fill(model, generator):
    for name, p in model.named_parameters():
        if p.dim() == 2:
            std = 0.8 if "embed" in name else 1.6 / p.shape[1] ** 0.5
            p.data.normal_(0, std, generator=generator)
        elif name.endswith("bias"):
            p.data.normal_(0, 0.3, generator=generator)
        else:
            p.data.normal_(0, 0.2, generator=generator).add_(1)


def to_old_spelling(config):
    rope = config.pop("rope_parameters")
    config["torch_dtype"] = config.pop("dtype")
    if config["model_type"] == "gpt_neox":
        config["rotary_emb_base"] = rope["rope_theta"]
        config["rotary_pct"] = rope["partial_rotary_factor"]
        return config
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    if config["rope_scaling"] and rope["rope_type"] == "yarn":
        rope["type"] = rope.pop("rope_type")
    return config


def write(name, out, seed):
    cls, config = MODELS[name]()
    model = cls(config).float().eval()
    fill(model, torch.Generator().manual_seed(seed * 1000 + sum(map(ord, name))))
    if name in BFLOAT16:
        model = model.bfloat16()
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, **({"max_shard_size": "80KB"} if name in SHARDED else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name in OLD_SPELLING:
        path = folder / "config.json"
        path.write_text(json.dumps(to_old_spelling(json.loads(path.read_text())), indent=2) + "\n")
    return sum(f.stat().st_size for f in folder.iterdir())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[1] / "golden" / "models")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for name in MODELS:
        print(f"{name:16} {write(name, args.out, args.seed):8} bytes")


if __name__ == "__main__":
    main()
