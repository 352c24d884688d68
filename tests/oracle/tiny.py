# SPDX-License-Identifier: Apache-2.0
"""Small random checkpoints of the families the peer supports, drawn afresh from a seed.

The weights are wide enough that attention is far from uniform: a query has about unit variance per
channel after its projection, so logits spread over several nats and the scores of methods differ.
"""

from pathlib import Path

import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.utils import logging

logging.disable_progress_bar()
torch.set_num_threads(1)  # the tensors here are too small to share

FAMILIES = {
    "llama_gqa": (LlamaConfig, LlamaForCausalLM, dict(num_attention_heads=8, num_key_value_heads=2, head_dim=16)),
    "llama_mha": (LlamaConfig, LlamaForCausalLM, dict(num_attention_heads=4, num_key_value_heads=4, head_dim=16)),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, dict(num_attention_heads=4, num_key_value_heads=2)),
    # The peer's BlockPress splits the hidden size by KV heads: 96 = 3 x 32.
    "qwen3": (
        Qwen3Config,
        Qwen3ForCausalLM,
        dict(hidden_size=96, num_attention_heads=6, num_key_value_heads=3, head_dim=32),
    ),
    # The peer divides scores by sqrt(head_dim) in any case and knows no window, which is larger than its prompts here.
    "gemma3": (
        Gemma3TextConfig,
        Gemma3ForCausalLM,
        dict(num_attention_heads=4, num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=16, pad_token_id=None,
             sliding_window_pattern=2),
    ),
    "phi3": (Phi3Config, Phi3ForCausalLM, dict(num_attention_heads=4, num_key_value_heads=2, pad_token_id=None)),
}


def make_model(family, seed, n_layers=4, dtype=torch.float32, **overrides):
    config_class, model_class, heads = FAMILIES[family]
    sizes = dict(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=n_layers,
        vocab_size=512,
        max_position_embeddings=4096,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=1,
    )
    config = config_class(**{**sizes, **heads, **overrides})
    model = model_class(config).eval()
    draw_weights(model, seed)
    return model.to(dtype)


def draw_weights(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() == 1 and "norm" in name:
                weight.copy_(1.0 + 0.2 * noise)
            elif weight.dim() == 1:
                weight.copy_(0.3 * noise)  # projection biases
            elif "embed" in name:
                weight.copy_(noise)
            else:
                weight.copy_(1.2 * noise / weight.shape[1] ** 0.5)


def draw_tokens(n, vocab_size, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, vocab_size, (n,), generator=generator).tolist()


def load_model(folder, dtype=torch.float32, attention="sdpa"):
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    text = (Path(folder) / "config.json").read_text()
    if '"gpt_oss"' in text:
        attention = "eager"  # there is no other
    auto = AutoModelForImageTextToText if '"vision_config"' in text else AutoModelForCausalLM
    model = auto.from_pretrained(str(folder), dtype=dtype, attn_implementation=attention).eval()
    return model.float() if dtype == torch.float32 else model  # experts in MXFP4 come as bfloat16
