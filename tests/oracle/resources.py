# SPDX-License-Identifier: Apache-2.0
"""Small random files that stand in for what a method learned, laid into a model's folder, and the peer reading them.

    .venv-oracle/bin/python tests/oracle/resources.py [FOLDER ...]      default: every folder of tests/golden/models

The values mean nothing; both sides read the same ones. The containers are those of the peer's own published files.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

SKETCH_DIM = 8  # below the tiny head_dim, so that the Gram matrices are well conditioned
CUR_RANK = 20
Q_FILTERS = "q_filters.safetensors"
EA_STATS = "expected_attention_stats.safetensors"
KVZAP = {kind: f"kvzap_{kind}.safetensors" for kind in ("linear", "mlp")}
SKETCH, CUR_SKETCH = "sketch.f32", "cur_sketch.f32"
KVZAP_HIDDEN = 12
FASTKVZIP = "fastkvzip.safetensors"
GATE_WIDTH, GATE_SINKS = 2, 3
CENTRES = "triattention.safetensors"
HEAD_SCORES = "head_score.json"
DUO_PATTERN, LUKV_CURVES = "full_attention_heads.tsv", "lukv_curves.npy"


def sizes(config):
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    n_kv_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    return config.num_hidden_layers, config.num_attention_heads, n_kv_heads, head_dim


def kvzap_tensors(kind, n_layers, n_inputs, n_outputs, randn):
    tensors = {}
    for layer in range(n_layers):
        if kind == "linear":
            parts = [("", n_inputs, n_outputs)]
        else:
            parts = [(".0", n_inputs, KVZAP_HIDDEN), (".2", KVZAP_HIDDEN, n_outputs)]
        for name, fan_in, fan_out in parts:
            tensors[f"layers.{layer}{name}.weight"] = randn(fan_out, fan_in) / fan_in**0.5
            tensors[f"layers.{layer}{name}.bias"] = randn(fan_out)
    return tensors


def gate_tensors(n_layers, n_heads, n_kv_heads, n_inputs, randn):
    tensors = {}
    for layer in range(n_layers):
        sizes = {
            "q_proj.weight": (n_heads * GATE_WIDTH, n_inputs),
            "q_proj.bias": (n_heads * GATE_WIDTH,),
            "k_proj.weight": (n_kv_heads * GATE_WIDTH, n_inputs),
            "q_norm.weight": (GATE_WIDTH,),
            "k_norm.weight": (GATE_WIDTH,),
            "k_base": (n_kv_heads, 1, GATE_SINKS, GATE_WIDTH),
            "b": (n_kv_heads, 1, n_heads // n_kv_heads),
        }
        tensors.update({f"layers.{layer}.{name}": randn(*shape) for name, shape in sizes.items()})
    return tensors


def write_gates(folder, config, seed=6):
    """Fast KVzip's gates."""
    generator = torch.Generator().manual_seed(seed)
    n_layers, n_heads, n_kv_heads, _ = sizes(config)
    tensors = gate_tensors(
        n_layers, n_heads, n_kv_heads, config.hidden_size, lambda *shape: torch.randn(*shape, generator=generator)
    )
    save_file(tensors, Path(folder) / FASTKVZIP)


def rotary_pairs(config, head_dim):
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    share = getattr(config, "rotary_pct", None) or getattr(config, "partial_rotary_factor", None)
    return int(head_dim * (share or rope.get("partial_rotary_factor") or 1)) // 2


def write_centres(folder, config, seed=7):
    """TriAttention's: means of complex numbers, and means of their absolute values, which are larger."""
    generator = torch.Generator().manual_seed(seed)
    n_layers, n_heads, _, d = sizes(config)
    real, imag, more = torch.randn(3, n_layers, n_heads, rotary_pairs(config, d), generator=generator)
    tensors = {"q_mean_real": real, "q_mean_imag": imag, "q_abs_mean": (real**2 + imag**2).sqrt() + more.abs()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, Path(folder) / CENTRES)


def write_head_scores(folder, config, seed=8):
    """HeadKV's: a list for every query head."""
    draw = random.Random(seed)
    n_layers, n_heads, _, _ = sizes(config)
    heads = {f"{l}-{h}": [round(draw.random() ** 2, 3) for _ in range(3)] for l in range(n_layers) for h in range(n_heads)}
    (Path(folder) / HEAD_SCORES).write_text(json.dumps(heads, indent=1) + "\n")


def write_resources(folder, config, seed=5):
    """The same bytes for the same seed and sizes."""
    generator = torch.Generator().manual_seed(seed)
    n_layers, n_heads, n_kv_heads, d = sizes(config)
    folder = Path(folder)

    def randn(*shape):
        return torch.randn(*shape, generator=generator)

    save_file({"q_filters": randn(n_layers, n_kv_heads, d)}, folder / Q_FILTERS)
    spread = randn(n_layers, n_heads, d, d)
    stats = {"query_mean": randn(n_layers, n_heads, d), "query_cov": spread @ spread.mT / d}
    save_file(stats, folder / EA_STATS)
    for kind, name in KVZAP.items():
        save_file(kvzap_tensors(kind, n_layers, config.hidden_size, n_kv_heads, randn), folder / name)
    randn(n_layers, n_kv_heads, d, SKETCH_DIM).numpy().tofile(folder / SKETCH)
    randn(n_layers, d, CUR_RANK).numpy().tofile(folder / CUR_SKETCH)
    pattern = torch.rand(n_layers, n_kv_heads, generator=generator)
    rows = ["\t".join(f"{value:.4f}" for value in row) for row in pattern.tolist()]
    (folder / DUO_PATTERN).write_text("\n".join(rows) + "\n")
    kept = 1 - torch.arange(1, 100).view(99, 1, 1) / 100
    spread = 0.6 + 0.8 * torch.rand(1, n_layers, n_kv_heads, generator=generator)
    np.save(folder / LUKV_CURVES, (1 - kept * spread).clamp(0, 1).float().numpy())
    write_gates(folder, config, seed + 1)
    write_centres(folder, config, seed + 2)
    write_head_scores(folder, config, seed + 3)
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)  # the library makes them private


def read_floats(path, *shape):
    return torch.from_file(str(path), size=torch.Size(shape).numel(), dtype=torch.float32).reshape(shape).clone()


def read_tensors(model, name):
    return load_file(Path(model.config.name_or_path) / name)


def read_sketch(model):
    n_layers, _, n_kv_heads, d = sizes(model.config)
    return read_floats(Path(model.config.name_or_path) / SKETCH, n_layers, n_kv_heads, d, SKETCH_DIM)


def read_cur_sketch(model):
    n_layers, _, _, d = sizes(model.config)
    return read_floats(Path(model.config.name_or_path) / CUR_SKETCH, n_layers, d, CUR_RANK)


def main():
    from transformers import AutoConfig

    models = Path(__file__).resolve().parents[1] / "golden/models"
    for folder in sys.argv[1:] or sorted(p.parent for p in models.glob("*/config.json")):
        write_resources(folder, AutoConfig.from_pretrained(str(folder)))


if __name__ == "__main__":
    main()
