# SPDX-License-Identifier: Apache-2.0
"""scripts/restorekv_file.py on a folder laid out as published: names, bytes and scale; what it refuses.

usage: test_restorekv_file.py SOURCE_DIR
"""
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(sys.argv[1]) / "scripts/restorekv_file.py"


def write(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read(path):
    data = path.read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:end])
    header.pop("__metadata__")
    return {name: (t["dtype"], t["shape"], data[end + t["data_offsets"][0] : end + t["data_offsets"][1]])
            for name, t in header.items()}, end


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def published(folder, config, adapter):
    write(folder / "restore_embeddings.safetensors", {"restore_embeddings": ("BF16", [1, 3], b"\1\2\3\4\5\6")})
    (folder / "adapter_config.json").write_text(json.dumps(config))
    write(folder / "adapter_model.safetensors", adapter)


def run(folder):
    return subprocess.run([sys.executable, SCRIPT, folder, folder / "out.safetensors"], capture_output=True, text=True)


PREFIX = "base_model.model.model.layers.1."
ADAPTER = {PREFIX + "self_attn.q_proj.lora_A.weight": ("F32", [2, 3], floats(1, 2, 3, 4, 5, 6)),
           PREFIX + "self_attn.q_proj.lora_B.weight": ("F32", [4, 2], floats(*range(8))),
           PREFIX + "mlp.down_proj.lora_A.weight": ("BF16", [2, 5], bytes(range(20))),
           PREFIX + "mlp.down_proj.lora_B.weight": ("BF16", [3, 2], bytes(range(12)))}
CONFIG = {"peft_type": "LORA", "r": 8, "lora_alpha": 12}

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    published(folder, CONFIG, ADAPTER)
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": 1 tokens, 4 matrices\n"), done.stdout
    tensors, begin = read(folder / "out.safetensors")
    assert tensors["scale"] == ("F32", [1], floats(1.5)), tensors["scale"]
    assert tensors["restore_embeddings"] == ("BF16", [1, 3], b"\1\2\3\4\5\6")
    assert tensors["layers.1.q_proj.lora_B"] == ADAPTER[PREFIX + "self_attn.q_proj.lora_B.weight"]
    assert tensors["layers.1.down_proj.lora_A"] == ADAPTER[PREFIX + "mlp.down_proj.lora_A.weight"]
    assert len(tensors) == 6 and begin % 8 == 0
    published(folder, {**CONFIG, "use_rslora": True, "r": 16}, ADAPTER)
    assert run(folder).returncode == 0
    assert read(folder / "out.safetensors")[0]["scale"][2] == floats(3)
    for config, adapter, words in (
        ({**CONFIG, "use_dora": True}, ADAPTER, "use_dora is True; expected an adapter without"),
        ({**CONFIG, "peft_type": "IA3"}, ADAPTER, "peft_type 'IA3'; expected 'LORA'"),
        (CONFIG, {**ADAPTER, PREFIX + "embed.weight": ("F32", [1], floats(1))}, "embed.weight'; expected lora_A and lora_B"),
    ):
        published(folder, config, adapter)
        refused = run(folder)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr
        assert refused.stderr.count("\n") == 1, refused.stderr
print("restorekv_file: as published")
