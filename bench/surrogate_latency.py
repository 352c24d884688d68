# SPDX-License-Identifier: Apache-2.0
"""What scores by a learned surrogate cost beside the prefill, and KVzip's second reading beside its arithmetic.

    .venv-oracle/bin/python bench/surrogate_latency.py [--kvhost BIN] [--tokens 2048] [--layers 28] [--rounds 20] [--json FILE]

A random checkpoint of Qwen3-0.6B's dimensions (hidden 1024, 16 query and 8 KV heads of 128, MLP 3072, a small vocabulary) in
bfloat16, random surrogates of the published shapes: linear, one matrix a layer; mlp, hidden / 8 in between. Share: time of
scoring over time of the full cache's prefill in the same round; `kvhost bench` interleaves them. A layer's figures are the
whole's by its layers, which are alike. KVzip asks for a tokenizer and is measured on --pass-model (the bundled one); its
passes' arithmetic is `kvhost plan`'s: their tokens over the whole prompt. Exit 1 where the median is above the goals: linear
1 %, mlp 3 % of prefill, passes 1.3 times what their arithmetic implies.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from checkpoints import QWEN3_06B, ROOT, add_cache_flag, checkpoint, cpu_name, random_tokens

GOALS = {"linear": 0.01, "mlp": 0.03, "passes": 1.3}
PRESSES = {"linear": "kvzap(model_type=linear)", "mlp": "kvzap"}


def write_surrogates(folder: Path, sizes: dict) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    n_inputs, n_outputs, n_hidden = sizes["hidden_size"], sizes["num_key_value_heads"], sizes["hidden_size"] // 8
    for kind, parts in {
        "linear": [("", n_inputs, n_outputs)],
        "mlp": [(".0", n_inputs, n_hidden), (".2", n_hidden, n_outputs)],
    }.items():
        tensors = {}
        for layer in range(sizes["num_hidden_layers"]):
            for name, fan_in, fan_out in parts:
                tensors[f"layers.{layer}{name}.weight"] = torch.randn(fan_out, fan_in) / fan_in**0.5
                tensors[f"layers.{layer}{name}.bias"] = torch.randn(fan_out)
        save_file(tensors, folder / f"kvzap_{kind}.safetensors")


def host_json(command: list) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        done = subprocess.run([str(c) for c in [*command, "--json", out]], stdout=subprocess.DEVNULL)
        if done.returncode:
            raise SystemExit(f"exit {done.returncode}: {' '.join(map(str, command))}")
        return json.loads(out.read_text())


def high(values: list) -> float:
    """The 95th percentile, nearest rank."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


def shares(args, model: Path, tokens: Path, n_layers: int) -> dict:
    command = [args.kvhost, "bench", "--model", model, "--tokens-file", tokens, "--keep-ratio", 0.25, "-n", 1]
    command += ["--rounds", args.rounds, "--warmup", 1, "--threads", args.threads, "--press", PRESSES["linear"]]
    report = host_json([*command, "--beside", PRESSES["mlp"]])
    full = [r["prefill_ms"] for r in report["arms"][0]["rounds"]]
    out = {"prefill_ms": {"median": median(full), "p95": high(full), "layer": median(full) / n_layers}}
    for arm, kind in zip(report["arms"][1:], PRESSES, strict=True):
        scores = [r["score_ms"] for r in arm["rounds"]]
        share = [s / f for s, f in zip(scores, full, strict=True)]
        out[kind] = {
            "score_ms": {"median": median(scores), "p95": high(scores), "layer": median(scores) / n_layers},
            "share": {"median": median(share), "p95": high(share)},
        }
    return out


def passes(args) -> dict:
    """Of KVzip: time of its passes over what their arithmetic takes at the prefill's own speed."""
    press = "joint:kvzip"
    model = ["--model", args.pass_model] if args.pass_model else []
    tokens = random_tokens(args.cache, args.tokens, 4000)
    command = [*model, "--tokens-file", tokens, "--keep-ratio", 0.25, "--press", press]
    plan = host_json([args.kvhost, "plan", *command])
    implied = sum(one["flops"] for one in plan["passes"]) / plan["prefill_flops"]
    ratios = []
    for _ in range(args.pass_rounds):
        t = host_json([args.kvhost, "run", *command, "-n", 1, "--threads", args.threads, "--quiet"])["timings"]
        ratios.append(t["passes_ms"] / (t["prefill_ms"] - t["passes_ms"] - t["score_ms"]) / implied)
    return {"model": args.pass_model or "bundled", "implied_prefills": implied, "of_implied": {"median": median(ratios), "p95": high(ratios)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=QWEN3_06B["num_hidden_layers"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pass-rounds", type=int, default=3)
    parser.add_argument("--pass-model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json")
    add_cache_flag(parser)
    args = parser.parse_args()
    sizes = {**QWEN3_06B, "vocab_size": 512, "num_hidden_layers": args.layers}
    model = checkpoint(args.cache, f"qwen3_06b_layers{args.layers}_vocab512", sizes)
    write_surrogates(model, sizes)
    tokens = random_tokens(args.cache, args.tokens, sizes["vocab_size"])
    result = {"cpu": cpu_name(), "threads": args.threads, "tokens": args.tokens, "layers": args.layers}
    result |= shares(args, model, tokens, args.layers)
    result["kvzip"] = passes(args)
    met = {kind: result[kind]["share"]["median"] <= GOALS[kind] for kind in PRESSES}
    met["passes"] = result["kvzip"]["of_implied"]["median"] <= GOALS["passes"]
    result["goals_met"] = met
    print(json.dumps(result, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    raise SystemExit(0 if all(met.values()) else 1)


if __name__ == "__main__":
    main()
