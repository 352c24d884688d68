# SPDX-License-Identifier: Apache-2.0
"""Tiny random mixtures of experts for make_tiny_models.py, in every way in which their experts are stored."""
import json

import torch
from safetensors.torch import load_file, save_file
from transformers import (GptOssConfig, GptOssForCausalLM, MixtralConfig, MixtralForCausalLM, Qwen2MoeConfig,
                          Qwen2MoeForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM)

BASE = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=None,
            tie_word_embeddings=False)


def gpt_oss(**kw):
    return GptOssForCausalLM, GptOssConfig(**{**BASE, **dict(
        head_dim=16, num_local_experts=4, num_experts_per_tok=2, intermediate_size=24, sliding_window=24,
        rope_parameters=dict(rope_type="yarn", rope_theta=150000.0, factor=8.0, beta_fast=32.0, beta_slow=1.0,
                             truncate=False, original_max_position_embeddings=64)), **kw})


MOE_MODELS = {
    "qwen2_moe": lambda: (Qwen2MoeForCausalLM, Qwen2MoeConfig(**{**BASE, **dict(
        num_experts=6, num_experts_per_tok=3, moe_intermediate_size=16, shared_expert_intermediate_size=24,
        decoder_sparse_step=2, norm_topk_prob=False)})),
    "qwen3_moe": lambda: (Qwen3MoeForCausalLM, Qwen3MoeConfig(**{**BASE, **dict(
        num_hidden_layers=3, head_dim=16, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16,
        mlp_only_layers=[1], norm_topk_prob=True)})),
    "qwen3_moe_fused": lambda: (Qwen3MoeForCausalLM, Qwen3MoeConfig(**{**BASE, **dict(
        head_dim=16, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16, norm_topk_prob=False,
        use_sliding_window=True, sliding_window=24)})),
    "mixtral": lambda: (MixtralForCausalLM, MixtralConfig(**{**BASE, **dict(
        num_local_experts=4, num_experts_per_tok=2, intermediate_size=24)})),
    "gpt_oss": lambda: gpt_oss(),
    "gpt_oss_mxfp4": lambda: gpt_oss(hidden_size=64, intermediate_size=32),
}
# All experts of a layer in one tensor, as transformers 5 has them in memory; it writes them so when asked.
FUSED = {"qwen3_moe_fused"}


def to_mxfp4(folder, seed):
    """Replaces the experts' matrices by random blocks: 4-bit floats, two a byte, and a power of two for every 32."""
    generator = torch.Generator().manual_seed(seed)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for name in [name for name in tensors if name.endswith(("experts.gate_up_proj", "experts.down_proj"))]:
        n_experts, n_in, n_out = tensors.pop(name).shape
        shape = (n_experts, n_out, n_in // 32)
        tensors[f"{name}_blocks"] = torch.randint(0, 256, (*shape, 16), generator=generator, dtype=torch.uint8)
        tensors[f"{name}_scales"] = torch.randint(122, 125, shape, generator=generator, dtype=torch.uint8)
    save_file(tensors, path, {"format": "pt"})
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": [
        "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}
    path.write_text(json.dumps(config, indent=2) + "\n")
