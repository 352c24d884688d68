# SPDX-License-Identifier: Apache-2.0
"""Weights in and out: an ordinary Hugging Face folder (Llama, tied embedding, bfloat16) and the training model."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import torch
from model import Llama, Shape
from safetensors.torch import load_file, save_file


def config_of(shape: Shape) -> dict:
    """config.json of a shape."""
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **shape.as_dict(), "hidden_act": "silu",
            "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False, "bos_token_id": 0,
            "eos_token_id": 1, "pad_token_id": 2, "initializer_range": 0.02, "torch_dtype": "bfloat16"}


def load(folder: Path, shape: Shape) -> Llama:
    """The model of a Hugging Face folder, in float32."""
    state = {k.removeprefix("model."): v.float() for k, v in load_file(folder / "model.safetensors").items()}
    state.pop("lm_head.weight", None)
    model = Llama(shape)
    model.load_state_dict(state)
    return model


def save(model: Llama, tokenizer: Path, folder: Path) -> None:
    """Writes the folder: config, generation config, weights, tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    length = model.shape.max_position_embeddings
    (folder / "config.json").write_text(json.dumps(config_of(model.shape), indent=2) + "\n")
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(ends, indent=2) + "\n")
    words = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
             "pad_token": "<pad>", "model_max_length": length, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(words, indent=2) + "\n")
    if tokenizer.resolve() != (folder / "tokenizer.json").resolve():
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
    state = {f"model.{k}": v.detach().to(torch.bfloat16).contiguous() for k, v in model.state_dict().items()}
    part = folder / "model.safetensors.part"
    save_file(state, part, metadata={"format": "pt"})
    part.chmod(0o644)  # safetensors writes for the owner alone
    os.replace(part, folder / "model.safetensors")
