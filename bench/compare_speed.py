# SPDX-License-Identifier: Apache-2.0
"""kvhost against Hugging Face + kvpress on the same random checkpoint and prompt, measured alternately in one run.

    .venv-oracle/bin/python bench/compare_speed.py [--rounds 2] [--json FILE]

Qwen3-0.6B's dimensions, bfloat16, 4096 random tokens, 25 % kept, 2 threads. A round measures every press with both
programs, one after the other, so that a busy machine slows both; the best of the rounds counts. Exit 1 when a target
is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from checkpoints import QWEN3_06B, ROOT, add_cache_flag, checkpoint, cpu_name, random_tokens

PRESSES = {"full": "none", "snapkv": "snapkv", "adakv:snapkv": "adakv:snapkv"}
DECODE_TARGETS = {"full": 2.0, "snapkv": 1.5, "adakv:snapkv": 4.0}  # peer's ms per token / ours, at least
PREFILL_TARGET = 1.0  # peer's prefill / ours, at least
OVERHEAD_TARGET = 0.02  # score + allocate + select + compact over prefill, at most
OVERHEAD = ("score_ms", "allocate_ms", "select_ms", "compact_ms")


def run_peer(args, model, tokens, press):
    script = str(ROOT / "bench/hf_kvpress_bench.py")
    command = [sys.executable, script, "--model", model, "--tokens-file", tokens, "--press", press]
    command += ["--keep-ratio", args.keep_ratio, "--dtype", args.dtype, "-n", args.n_new, "--threads", args.threads]
    done = subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)["results"][0]


def run_host(args, model, tokens, press):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [args.kvhost, "run", "--model", model, "--tokens-file", tokens, "--dtype", args.dtype]
        command += ["-n", args.n_new, "--press", PRESSES[press], "--threads", args.threads, "--json", report]
        command += [] if press == "full" else ["--min-entries", 0, "--keep-ratio", args.keep_ratio]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        report = json.loads(report.read_text())
    times, memory = report["timings"], report["memory"]
    return {
        "prefill_ms": times["prefill_ms"],
        "tpot_ms": times["tpot_ms"],
        "overhead": sum(times[t] for t in OVERHEAD) / times["prefill_ms"],
        "cache_bytes": memory["cache_bytes_kept"],
        "cache_bytes_allocated": memory["cache_bytes_allocated"],
    }


def best(samples):
    return {key: min(s[key] for s in samples) for key in samples[0] if key != "press"}


def measure(args):
    model = checkpoint(args.cache, "qwen3_0.6b_random", QWEN3_06B)
    tokens = random_tokens(args.cache, args.tokens, QWEN3_06B["vocab_size"])
    peer, host = {p: [] for p in args.press}, {p: [] for p in args.press}
    for _ in range(args.rounds):
        for press in args.press:
            peer[press].append(run_peer(args, model, tokens, press))
            host[press].append(run_host(args, model, tokens, press))
    return {p: best(s) for p, s in peer.items()}, {p: best(s) for p, s in host.items()}


def ratios(press, peer, host):
    """-> [(what, ratio, target, met)]"""
    rows = [("decode", peer["tpot_ms"] / host["tpot_ms"], DECODE_TARGETS[press])]
    rows.append(("prefill", peer["prefill_ms"] / host["prefill_ms"], PREFILL_TARGET))
    rows = [(what, ratio, f">= {target}", ratio >= target) for what, ratio, target in rows]
    if press != "full":
        overhead = host["overhead"]
        rows.append(("overhead / prefill", overhead, f"<= {OVERHEAD_TARGET}", overhead <= OVERHEAD_TARGET))
    return rows


def print_report(peer, host):
    header = ("press", "prefill ms", "(peer)", "ms/token", "(peer)", "cache MB", "(peer)")
    print("{:<14}{:>11}{:>10}{:>10}{:>9}{:>10}{:>9}".format(*header))
    for press in host:
        ours, theirs = host[press], peer[press]
        cells = [ours["prefill_ms"], theirs["prefill_ms"], ours["tpot_ms"], theirs["tpot_ms"]]
        cells += [ours["cache_bytes"] / 1e6, theirs["cache_bytes"] / 1e6]
        print("{:<14}{:>11.0f}{:>10.0f}{:>10.1f}{:>9.1f}{:>10.1f}{:>9.1f}".format(press, *cells))
    print("\n{:<14}{:<20}{:>8}  {:<9}{}".format("press", "ratio", "measured", "target", "verdict"))
    for press in host:
        for what, ratio, target, met in ratios(press, peer[press], host[press]):
            print("{:<14}{:<20}{:>8.3f}  {:<9}{}".format(press, what, ratio, target, "met" if met else "MISSED"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cache_flag(parser)
    parser.add_argument("--kvhost", default=os.environ.get("KVHOST_BIN", str(ROOT / "build/release/bin/kvhost")))
    parser.add_argument("--press", nargs="*", default=list(PRESSES), choices=list(PRESSES))
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("-n", "--n-new", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", nargs="?", const=str(ROOT / f"bench/results/{date.today()}.json"))
    args = parser.parse_args()
    peer, host = measure(args)
    setting = {k: getattr(args, k) for k in ("tokens", "keep_ratio", "dtype", "n_new", "threads", "rounds")}
    print(f"Qwen3-0.6B dimensions, random weights; {cpu_name()}; {setting}\n")
    print_report(peer, host)
    if args.json:
        Path(args.json).parent.mkdir(parents=True, exist_ok=True)
        result = {"cpu": cpu_name(), "setting": setting, "kvpress": peer, "kvhost": host}
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    missed = [r for p in host for r in ratios(p, peer[p], host[p]) if not r[3]]
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
