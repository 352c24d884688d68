#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gates of Fast KVzip as published (a pickle, q<group>_dim16_sink16.pt) to the safetensors file that kvhost reads.

    .venv-oracle/bin/python scripts/fastkvzip_gates.py GATES.pt MODEL/fastkvzip.safetensors

Needs torch and safetensors. The pickle is read by torch's loader for weights alone, which runs no code from it.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

NAMES = {"q_proj.weight", "q_proj.bias", "k_proj.weight", "q_norm.weight", "k_norm.weight", "k_base", "b"}
ARRAYS = [np._core.multiarray._reconstruct, np.ndarray, np.dtype, np.dtypes.Float64DType, np.dtypes.Float32DType]


def converted(layers: list) -> dict:
    """[state of each layer's gate] -> tensors by name."""
    tensors = {}
    for index, state in enumerate(layers):
        if set(state) != NAMES:
            raise SystemExit(f"fastkvzip_gates: layer {index}: holds {sorted(state)}; expected {sorted(NAMES)}")
        tensors.update({f"layers.{index}.{name}": torch.as_tensor(state[name]).contiguous() for name in NAMES})
    return tensors


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    with torch.serialization.safe_globals(ARRAYS):
        data = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
    if not isinstance(data, dict) or "module" not in data:
        raise SystemExit(f"fastkvzip_gates: {sys.argv[1]}: has no 'module'; expected the published gates")
    tensors = converted(data["module"])
    save_file(tensors, sys.argv[2], {"source": Path(sys.argv[1]).name})
    Path(sys.argv[2]).chmod(0o644)
    print(f"{sys.argv[2]}: {len(data['module'])} layers, {sum(t.numel() for t in tensors.values())} parameters")


if __name__ == "__main__":
    main()
