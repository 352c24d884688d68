# SPDX-License-Identifier: Apache-2.0
"""A GGUF file as transformers reads it, and as kvhost does, with what methods would have learned beside it."""

from pathlib import Path

import torch
from resources import write_resources
from transformers import AutoModelForCausalLM


def laid_out(host, file: Path):
    """-> (model, its file in a folder of its own with what methods would have learned)"""
    model = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="sdpa").eval()  # fmt: skip
    folder = Path(host.folder) / "model"
    folder.mkdir()
    (folder / file.name).symlink_to(file.resolve())
    model.config.name_or_path = str(folder)
    write_resources(folder, model.config)
    return model, folder / file.name
