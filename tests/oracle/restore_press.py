# SPDX-License-Identifier: Apache-2.0
"""kvpress's RestoreKV with tokens and a LoRA drawn by chance, which kvhost reads from the model's folder as well.

The peer loads published ones through PEFT; here the changes are merged into the weights for the one pass that they are
for, which is the same product in another order.
"""

from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import torch
from kvpress.presses.restorekv_press import RestoreKVPress
from safetensors.torch import load_file, save_file

N_TOKENS, RANK, SCALE = 8, 4, 2.0
MATRICES = {
    "self_attn": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "mlp": ("gate_proj", "up_proj", "down_proj"),
}


def matrices(model):
    """name as kvhost's file has it -> the linear layer"""
    for i, layer in enumerate(model.model.layers):
        for part, names in MATRICES.items():
            for name in names:
                yield f"layers.{i}.{name}", getattr(getattr(layer, part), name)


def write_restore(folder, model, seed=9):
    """Files for both variants of the press."""
    generator = torch.Generator().manual_seed(seed)
    for variant in ("restorekv", "restorekv_plus"):
        size = model.get_input_embeddings().weight.std()
        tokens = torch.randn(N_TOKENS, model.config.hidden_size, generator=generator) * size
        tensors = {"restore_embeddings": tokens, "scale": torch.tensor([SCALE])}
        for name, linear in matrices(model):
            n_out, n_in = linear.weight.shape
            down = torch.randn(RANK, n_in, generator=generator) / n_in**0.5
            up = torch.randn(n_out, RANK, generator=generator) * linear.weight.std() / 2
            tensors |= {f"{name}.lora_A": down, f"{name}.lora_B": up}
        save_file(tensors, Path(folder) / f"{variant}.safetensors")


@contextmanager
def merged(model, learned):
    kept = {}
    try:
        for name, linear in matrices(model):
            kept[name] = linear.weight.data
            change = learned[f"{name}.lora_B"] @ learned[f"{name}.lora_A"]
            linear.weight.data = linear.weight.data + learned["scale"] * change
        yield
    finally:
        for name, linear in matrices(model):
            linear.weight.data = kept.get(name, linear.weight.data)


class Restored(RestoreKVPress):
    def post_init_from_model(self, model):
        self.learned = load_file(Path(model.config.name_or_path) / f"{self.adapter_name}.safetensors")
        self.restore_embeddings = self.learned["restore_embeddings"]

    def append_restore_tokens(self, model):
        with ExitStack() as stack:
            for name in ("set_adapter", "enable_adapters", "disable_adapters"):
                stack.enter_context(mock.patch.object(model, name, lambda *_: None))
            stack.enter_context(merged(model, self.learned))
            super().append_restore_tokens(model)
