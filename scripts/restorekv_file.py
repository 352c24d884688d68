#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""RestoreKV as published (a folder with restore_embeddings.safetensors and a PEFT adapter: adapter_config.json,
adapter_model.safetensors) to the one safetensors file that kvhost reads.

    scripts/restorekv_file.py FOLDER MODEL/restorekv.safetensors         of RestoreKV_plus: MODEL/restorekv_plus.safetensors

Needs nothing but Python. Tensors keep their bytes; what PEFT multiplies the second matrix by becomes the tensor `scale`.
"""
import json
import math
import re
import struct
import sys
from pathlib import Path

MATRIX = re.compile(r"(?:.*\.)?layers\.(\d+)\.(?:self_attn|mlp)\.([qkvo]_proj|gate_proj|up_proj|down_proj)\.lora_([AB])(?:\.\w+)?\.weight")
# Of an adapter that does something else than add B A x.
REFUSED = ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "lora_bias")


def refuse(where, what):
    raise SystemExit(f"restorekv_file: {where}: {what}")


def read_tensors(path):
    """{name: (dtype, shape, bytes)} of a safetensors file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        refuse(path, f"{error.strerror}; expected the published file")
    if len(data) < 8 or struct.unpack("<Q", data[:8])[0] > len(data) - 8:
        refuse(path, "has no header; expected a safetensors file")
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], data[begin + t["data_offsets"][0] : begin + t["data_offsets"][1]])
            for name, t in header.items()}


def write_tensors(path, tensors, metadata):
    header, at = {"__metadata__": metadata}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def scale_of(config, where):
    if config.get("peft_type") != "LORA":
        refuse(where, f"peft_type {config.get('peft_type')!r}; expected 'LORA'")
    for name in REFUSED:
        if config.get(name):
            refuse(where, f"{name} is {config[name]!r}; expected an adapter without")
    rank, alpha = config["r"], config["lora_alpha"]
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def converted(folder):
    rows = read_tensors(folder / "restore_embeddings.safetensors")
    if "restore_embeddings" not in rows:
        refuse(folder / "restore_embeddings.safetensors", f"holds {sorted(rows)}; expected 'restore_embeddings'")
    config = folder / "adapter_config.json"
    scale = scale_of(json.loads(config.read_text()), config)
    found = {}
    for name, tensor in read_tensors(folder / "adapter_model.safetensors").items():
        match = MATRIX.fullmatch(name)
        if not match:
            refuse(folder / "adapter_model.safetensors", f"holds {name!r}; expected lora_A and lora_B of attention and MLP")
        found[(int(match[1]), match[2], match[3])] = tensor
    tensors = {f"layers.{layer}.{matrix}.lora_{part}": tensor for (layer, matrix, part), tensor in sorted(found.items())}
    # The widest first: no tensor begins where its numbers would lie across their own size.
    tensors = {"scale": ("F32", [1], struct.pack("<f", scale)), "restore_embeddings": rows["restore_embeddings"], **tensors}
    width = {"F32": 4, "F16": 2, "BF16": 2}
    for name, (dtype, _, _) in tensors.items():
        if dtype not in width:
            refuse(folder, f"{name} is of {dtype}; expected F32, F16 or BF16")
    return dict(sorted(tensors.items(), key=lambda entry: -width[entry[1][0]]))


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    tensors = converted(Path(sys.argv[1]))
    write_tensors(Path(sys.argv[2]), tensors, {"source": Path(sys.argv[1]).resolve().name})
    rows = tensors["restore_embeddings"][1][0]
    print(f"{sys.argv[2]}: {rows} tokens, {len(tensors) - 2} matrices")


if __name__ == "__main__":
    main()
