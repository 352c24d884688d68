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
import transformers
from transformers import (Gemma2Config, Gemma3Config, Gemma3TextConfig, GemmaConfig, GPTNeoXConfig, GPTNeoXForCausalLM,
                          GraniteConfig, LlamaConfig, LlamaForCausalLM, Ministral3Config, MinistralConfig, Mistral3Config,
                          MistralConfig, MistralForCausalLM, Olmo2Config, Phi3Config, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM, SmolLM3Config)

from moe_models import FUSED, MOE_MODELS, to_mxfp4

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


# For families beyond the first five: stored as bfloat16, so that a checkpoint stays at about 40 kB.
SMALL = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=None,
             tie_word_embeddings=True)
VISION = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=8, patch_size=4)


def small(config, **kw):
    made = config(**{**SMALL, **kw})
    return transformers.AutoModelForCausalLM.from_config(made).__class__, made


def multimodal(config, text, **kw):
    made = config(text_config=text, vision_config=VISION, **kw)
    return transformers.AutoModelForImageTextToText.from_config(made).__class__, made


def gemma3(config=Gemma3TextConfig, **kw):
    base = dict(num_hidden_layers=3, head_dim=16, query_pre_attn_scalar=24, sliding_window=24, sliding_window_pattern=3,
                rope_parameters=dict(full_attention=dict(rope_type="linear", rope_theta=1e6, factor=8.0),
                                     sliding_attention=dict(rope_type="default", rope_theta=1e4)))
    return {**SMALL, **base, **kw}


def phi3(original, **kw):
    long, short = [1.1, 1.5, 2.0, 4.0, 8.0, 16.0], [1.0, 1.02, 1.05, 1.1, 1.3, 1.6]
    return small(Phi3Config, **{**dict(
        hidden_size=64, intermediate_size=64, num_hidden_layers=1, partial_rotary_factor=0.75,
        original_max_position_embeddings=original, tie_word_embeddings=False, rope_parameters=dict(
            rope_type="longrope", rope_theta=10000.0, short_factor=short, long_factor=long)), **kw})


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
    "llama_dynamic": lambda: small(LlamaConfig, rope_parameters=dict(
        rope_type="dynamic", rope_theta=10000.0, factor=4.0)),
    "llama_mscale": lambda: small(LlamaConfig, rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64, mscale=0.7,
        mscale_all_dim=0.0)),
    "llama_late_yarn": lambda: small(LlamaConfig),
    "gemma": lambda: small(GemmaConfig, head_dim=12, num_key_value_heads=1),
    "gemma2": lambda: small(Gemma2Config, head_dim=12, query_pre_attn_scalar=20, sliding_window=24,
                            attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
    "gemma3": lambda: small(Gemma3TextConfig, **gemma3()),
    "gemma3_vision": lambda: multimodal(Gemma3Config, gemma3(num_hidden_layers=2, sliding_window_pattern=2),
                                        mm_tokens_per_image=4, image_token_index=95),
    "phi3": lambda: small(Phi3Config, sliding_window=24),
    "phi3_long": lambda: phi3(64),
    "phi3_short": lambda: phi3(256, tie_word_embeddings=True),
    "smollm3": lambda: small(SmolLM3Config, num_hidden_layers=3, no_rope_layer_interval=2),
    "olmo2": lambda: small(Olmo2Config, tie_word_embeddings=False),
    "granite": lambda: small(GraniteConfig, embedding_multiplier=3.0, logits_scaling=2.0, residual_multiplier=0.7,
                             attention_multiplier=0.2),
    "ministral": lambda: small(MinistralConfig, head_dim=12, sliding_window=24, num_hidden_layers=2,
                               layer_types=["sliding_attention", "full_attention"]),
    "ministral3": lambda: small(Ministral3Config, head_dim=16, rope_parameters=dict(
        rope_type="yarn", rope_theta=1e6, factor=16.0, original_max_position_embeddings=32, beta_fast=32.0,
        beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1)),
    "mistral3_vision": lambda: multimodal(Mistral3Config, {**SMALL, "model_type": "mistral", "head_dim": 12,
                                                           "tie_word_embeddings": False},
                                          image_token_index=95, tie_word_embeddings=False),
}
MODELS.update(MOE_MODELS)
# Configs written in the spelling of older checkpoints (rope_theta, rope_scaling, torch_dtype, rotary_pct).
OLD_SPELLING = {"llama_mha", "llama3_rope", "llama_yarn", "mistral_window", "qwen2", "neox_parallel",
                "phi3_short", "gemma3"}
BFLOAT16 = {"qwen3", *list(MODELS)[list(MODELS).index("llama_dynamic"):]}
# A YaRN block added by hand to a config that transformers 5 wrote.
LATE_SCALING = {"llama_late_yarn": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)}
SHARDED = {"llama_sharded"}


def fill(model, generator):
    gemma = model.config.model_type.startswith("gemma")
    for name, p in model.named_parameters():
        if p.dim() >= 2:
            # Some families multiply embeddings; those that outweigh all else repeat their own token.
            scale = p.shape[1] ** 0.5 if gemma else getattr(model.config, "embedding_multiplier", 1)
            std = 0.8 / scale if "embed" in name else 1.6 / p.shape[1] ** 0.5
            p.data.normal_(0, std, generator=generator)
        elif name.endswith("sinks"):
            p.data.normal_(1, 1.5, generator=generator)
        elif name.endswith("bias"):
            p.data.normal_(0, 0.3, generator=generator)
        else:  # Gemma's norms multiply by 1 + weight
            centre = (2 if "layernorm" in name and "post" in name else 0) if gemma else 1
            p.data.normal_(0, 0.2, generator=generator).add_(centre)


def to_old_spelling(config):
    rope = config.pop("rope_parameters")
    config["torch_dtype"] = config.pop("dtype")
    if config["model_type"] == "gpt_neox":
        config["rotary_emb_base"] = rope["rope_theta"]
        config["rotary_pct"] = rope["partial_rotary_factor"]
        return config
    if config["model_type"] == "gemma3_text":
        config["rope_theta"] = rope["full_attention"].pop("rope_theta")
        config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        config["rope_scaling"] = rope["full_attention"]
        config["sliding_window_pattern"] = config.pop("_sliding_window_pattern", 3)
        del config["layer_types"]
        return config
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    if config["model_type"] == "phi3":
        config["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
        del rope["original_max_position_embeddings"]
        config["rope_scaling"] = {**rope, "type": "longrope"}
        del config["rope_scaling"]["rope_type"]
    elif config["rope_scaling"] and rope["rope_type"] == "yarn":
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
    model.save_pretrained(folder, save_original_format=name not in FUSED,
                          **({"max_shard_size": "80KB"} if name in SHARDED else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name.endswith("mxfp4"):
        to_mxfp4(folder, seed)
    if name in OLD_SPELLING:
        path = folder / "config.json"
        path.write_text(json.dumps(to_old_spelling(json.loads(path.read_text())), indent=2) + "\n")
    if name in LATE_SCALING:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "rope_scaling": LATE_SCALING[name]}, indent=2) + "\n")
    return sum(f.stat().st_size for f in folder.iterdir())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[1] / "golden" / "models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*", help="only these (default: all)")
    args = parser.parse_args()
    if unknown := set(args.names) - set(MODELS):
        parser.error(f"{', '.join(sorted(unknown))}: no such model; expected some of {', '.join(MODELS)}")
    for name in args.names or MODELS:
        print(f"{name:16} {write(name, args.out, args.seed):8} bytes")


if __name__ == "__main__":
    main()
