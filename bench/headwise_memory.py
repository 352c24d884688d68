# SPDX-License-Identifier: Apache-2.0
"""Bytes of a cache that heads keep unequal shares of: allocated over kept here, and what kvpress holds.

    .venv-oracle/bin/python bench/headwise_memory.py [--kvhost BIN] [--tokens 4096] [--json FILE]

Random weights, 4 layers x 8 KV heads x 128 in bfloat16 (the shape of real checkpoints' heads, few layers so that it is
quick). kvpress masks for these methods, so its DynamicCache is counted as it lies: elements of keys and values x their
size. Learned files are random and the same for both. Exit 1 where more than 5 % beside the kept entries is allocated.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checkpoints import NARROW, ROOT, add_cache_flag, checkpoint, random_tokens

sys.path.insert(0, str(ROOT / "tests/oracle"))

LIMIT = 1.05
N_LAYERS = 4


def rows(keep: float) -> dict:
    """kvhost's composition -> (kvpress's press or None, whether the method decides how much is kept)."""
    from kvpress import AdaKVPress, CriticalAdaKVPress, DMSPress, ExpectedAttentionPress, KeyDiffPress, SnapKVPress
    from learned_presses import LUKV, DuoAttention
    from scorer_presses import KVzap

    ratio = 1 - keep
    snap, keydiff = SnapKVPress(ratio), KeyDiffPress(ratio)
    expected = ExpectedAttentionPress(ratio, epsilon=1e-2)
    return {
        "adakv:snapkv": (AdaKVPress(snap), False),
        "adakv:keydiff": (AdaKVPress(keydiff), False),
        "adakv:expected_attention(epsilon=0.01)": (AdaKVPress(expected), False),
        "critical_adakv:snapkv": (CriticalAdaKVPress(snap), False),
        "dms(threshold=0.2):kvzap": (DMSPress(KVzap(), threshold=0.2), True),
        "duo_attention(head_compression_ratio=0.75)": (DuoAttention(head_compression_ratio=0.75), True),
        f"lukv(compression_ratio={ratio:g}):expected_attention(epsilon=0.02)": (
            LUKV(ExpectedAttentionPress(epsilon=2e-2), compression_ratio=ratio),
            True,
        ),
        "rankkv(profile=none):adakv:snapkv": (None, False),
    }


def host_memory(args, model: Path, tokens: Path, press: str, own_total: bool) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        command = [args.kvhost, "run", "--model", model, "--tokens-file", tokens, "--dtype", "bfloat16", "-n", 1]
        command += ["--press", press, "--json", out, "--quiet", "--threads", args.threads]
        command += [] if own_total else ["--min-entries", 0, "--keep-ratio", args.keep_ratio]
        done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL)
        if done.returncode:
            raise SystemExit(f"exit {done.returncode}: {' '.join(map(str, command))}")
        return json.loads(out.read_text())["memory"]


def peer_memory(model, tokens: list, press) -> dict:
    """Bytes of kvpress's cache after the prefill, and the share of its entries that it does not mask."""
    import torch
    from transformers import DynamicCache

    cache, n_masked = DynamicCache(), 0
    with torch.no_grad(), press(model):
        model.model(torch.tensor([tokens]), past_key_values=cache)
    for layer in model.model.layers:
        masked = getattr(layer.self_attn, "masked_key_indices", None)
        n_masked += 0 if masked is None else len(masked[0])
    held = sum(t.numel() * t.element_size() for layer in cache.layers for t in (layer.keys, layer.values))
    entries = sum(layer.keys.shape[1] * layer.keys.shape[2] for layer in cache.layers)
    return {"peer_bytes_held": held, "peer_share_unmasked": round(1 - n_masked / entries, 4)}


def measured(args) -> list:
    import torch
    from resources import write_resources
    from tiny import load_model

    torch.set_num_threads(args.threads)
    sizes = {**NARROW, "num_hidden_layers": N_LAYERS, "num_attention_heads": 8}
    folder = checkpoint(args.cache, f"narrow_{N_LAYERS}x8x128_mha_random", sizes)
    model = load_model(folder, torch.bfloat16)
    write_resources(folder, model.config)
    file = random_tokens(args.cache, args.tokens, sizes["vocab_size"])
    tokens, found = json.loads(file.read_text()), []
    for press, (peer, own_total) in list(rows(args.keep_ratio).items())[args.first :]:
        memory = host_memory(args, folder, file, press, own_total)
        row = {"press": press, **{k: v for k, v in memory.items() if k.startswith("cache_bytes")}}
        row["allocated_over_kept"] = round(row["cache_bytes_allocated"] / row["cache_bytes_kept"], 4)
        found.append({**row, **(peer_memory(model, tokens, peer) if peer else {})})
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
        if args.json:
            merge_rows(args, found)
    return found


def merge_rows(args, found: list) -> None:
    """Writes the rows so far; others that the file holds for the same request stay."""
    path, request = Path(args.json), {"tokens": args.tokens, "keep_ratio": args.keep_ratio}
    old = json.loads(path.read_text()) if path.exists() else {}
    table = {row["press"]: row for row in old.get("rows", []) if {k: old[k] for k in request} == request}
    table.update({row["press"]: row for row in found})
    path.write_text(json.dumps({**request, "rows": list(table.values())}, indent=1) + "\n")


def table(found: list) -> str:
    """MB, kept and allocated here beside what kvpress holds."""
    lines = [f"{'press':<62}{'full':>8}{'kept':>8}{'allocated':>11}{'over kept':>11}{'kvpress':>10}{'unmasked':>10}"]
    for row in found:
        full, kept, allocated = (row[f"cache_bytes_{k}"] / 1e6 for k in ("full", "kept", "allocated"))
        line = f"{row['press']:<62}{full:>8.2f}{kept:>8.2f}{allocated:>11.2f}{row['allocated_over_kept']:>11.4f}"
        if "peer_bytes_held" in row:
            line += f"{row['peer_bytes_held'] / 1e6:>10.2f}{row['peer_share_unmasked']:>10.1%}"
        lines.append(line)
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cache_flag(parser)
    parser.add_argument("--kvhost", default=os.environ.get("KVHOST_BIN", str(ROOT / "build/release/bin/kvhost")))
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the row to begin with")
    parser.add_argument("--json", help="merge the table into this file as well")
    args = parser.parse_args()
    found = measured(args)
    print(f"{args.tokens} tokens, {N_LAYERS} layers x 8 KV heads x 128, bfloat16, {args.keep_ratio:.0%} asked for; MB")
    print(table(found))
    over = [row["press"] for row in found if row["allocated_over_kept"] > LIMIT]
    if over:
        raise SystemExit(f"more than {LIMIT} x the kept bytes allocated: {', '.join(over)}")


if __name__ == "__main__":
    main()
