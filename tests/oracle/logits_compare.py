# SPDX-License-Identifier: Apache-2.0
"""Compares both decoders with transformers on fresh random checkpoints; prints a table, exits 1 when a row is off.

    python tests/oracle/logits_compare.py [--tool build/release/tests/host/model/logits_tool] [--seed N] [--model DIR ...]

Every family is drawn anew (make_tiny_models.py) into a temporary folder. float32 must agree within 1e-4 x max |logit|,
bfloat16 within twice transformers' own bfloat16 error.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import torch

import logits_golden
import make_tiny_models

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_tool():
    found = sorted(ROOT.glob("build/**/tests/host/model/logits_tool"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else None


def run_tool(tool, folder, dtype, tokens_file, how, vocab):
    out = subprocess.run([tool, folder, dtype, tokens_file, how], stdout=subprocess.PIPE, check=True).stdout
    return torch.from_numpy(numpy.frombuffer(out, dtype=numpy.float32).reshape(-1, vocab).copy())


def ways(config, n_tokens):
    """How the tokens are read. longrope's factors follow from the length of what is read first, so that blocks shorter
    than the original length give another model than one pass over more."""
    rope = getattr(config, "rope_parameters", None) or {}
    original = rope.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", 0)
    if rope.get("rope_type") == "longrope" and (original or 0) < n_tokens:
        return ["reference", str(n_tokens)]
    return ["reference", str(n_tokens), "13", "1"]


def compare(tool, name, folder, n_tokens, seed, scratch):
    model = logits_golden.load(folder, torch.float32)
    vocab = model.config.get_text_config().vocab_size
    tokens = logits_golden.prompt_of(vocab, n_tokens, seed)
    tokens_file = scratch / "tokens.json"
    tokens_file.write_text(json.dumps(tokens))
    exact = logits_golden.logits_of(model, tokens)
    own = (logits_golden.logits_of(logits_golden.load(folder, torch.bfloat16), tokens) - exact).abs().max().item()
    good = True
    for dtype, allowed in (("float32", 1e-4 * exact.abs().max().item()), ("bfloat16", 2 * own)):
        for how in ways(model.config.get_text_config(), n_tokens):
            error = (run_tool(tool, folder, dtype, tokens_file, how, vocab) - exact).abs().max().item()
            ok = error <= allowed
            good &= ok
            print(f"{name:16} {dtype:9} {'reference' if how == 'reference' else 'blocks of ' + how:14} "
                  f"error {error:.3e}  allowed {allowed:.3e}  {'ok' if ok else 'OFF'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", type=pathlib.Path, default=find_tool())
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--tokens", type=int, default=150)
    parser.add_argument("--model", type=pathlib.Path, action="append", help="these folders rather than fresh ones")
    args = parser.parse_args()
    if args.tool is None or not args.tool.exists():
        sys.exit("logits_tool is not built: cmake --build build/release --target logits_tool, or pass --tool")
    print(f"seed {args.seed}")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        folders = {m.name: m for m in args.model or []}
        if not folders:
            for name in make_tiny_models.MODELS:
                make_tiny_models.write(name, scratch, args.seed)
                folders[name] = scratch / name
        results = [compare(args.tool, n, f, args.tokens, args.seed, scratch) for n, f in folders.items()]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
