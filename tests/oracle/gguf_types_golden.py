# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/gguf_types.json: blocks of every weight type and the float32 numbers that the gguf package reads
from them; numbers and the blocks that it makes of them.

    .venv-oracle/bin/python tests/oracle/gguf_types_golden.py

Blocks hold random bytes; their half-precision scales are finite, with zeros, negative and subnormal ones among them.
Numbers are given as the hexadecimal bytes of little-endian floats.
"""

import json

import numpy as np
from common import ROOT
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize, quantize

# Type: byte offsets of the half-precision numbers in a block.
HALVES = {
    "F32": [], "F16": [0], "BF16": [], "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "MXFP4": [],
}  # fmt: skip
SPECIAL = [0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0xFBFF, 0x0400, 0x3C00]
N_WEIGHTS = 768


def finite_half(rng: np.random.Generator, i: int) -> int:
    if i < len(SPECIAL):
        return SPECIAL[i]
    while True:
        bits = int(rng.integers(0, 1 << 16))
        if bits & 0x7C00 != 0x7C00:
            return bits


def blocks_of(name: str, rng: np.random.Generator) -> np.ndarray:
    block, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    blocks = rng.integers(0, 256, (N_WEIGHTS // block, size), dtype=np.uint8)
    if name == "F32":
        blocks = rng.standard_normal((N_WEIGHTS, 1), dtype=np.float32).view(np.uint8)
    if name == "BF16":
        blocks[:, 1] &= 0xBF  # finite
    if name == "MXFP4":
        blocks[:4, 0] = [0, 1, 2, 254]
        blocks[:, 0] %= 255
    for n, offset in enumerate(HALVES[name]):
        for i in range(len(blocks)):
            bits = finite_half(rng, i if n == 0 or len(blocks) > 8 else i + 3)
            blocks[i, offset : offset + 2] = [bits & 255, bits >> 8]
    return blocks


def numbers(rng: np.random.Generator) -> np.ndarray:
    """Blocks of 32: ordinary, none, tiny, huge, ties of Q8_0 and Q4_0, one outlier, equal sizes of both signs."""
    x = rng.standard_normal((24, 32)).astype(np.float32)
    x[1] = 0
    x[2] *= np.float32(1e-9)
    x[3] *= np.float32(3e4)
    x[4] = (np.arange(32, dtype=np.float32) - 16) / 2
    x[4, 0] = 127
    x[5] = np.arange(32, dtype=np.float32) / 2 - 8
    x[6, 7] = -900
    x[7] = np.where(np.arange(32) % 2 == 0, np.float32(0.75), np.float32(-0.75))
    x[8] = np.float32(-0.0)
    x[9] *= np.float32(1e-30)
    return x.reshape(1, -1)


def main() -> None:
    rng = np.random.default_rng(20)
    read = []
    for name in HALVES:
        blocks = blocks_of(name, rng)
        out = dequantize(blocks.reshape(1, -1), GGMLQuantizationType[name]).astype(np.float32)
        read.append({"type": name, "blocks": blocks.tobytes().hex(), "weights": out.tobytes().hex()})
    x = numbers(rng)
    made = [
        {"type": name, "blocks": quantize(x, GGMLQuantizationType[name]).tobytes().hex()} for name in ("Q8_0", "Q4_0")
    ]
    out = {"read": read, "numbers": x.tobytes().hex(), "made": made}
    path = ROOT / "tests/golden/gguf_types.json"
    path.write_text(json.dumps(out, indent=0) + "\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
