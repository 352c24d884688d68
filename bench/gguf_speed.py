# SPDX-License-Identifier: Apache-2.0
"""kvhost against llama.cpp on the same GGUF files, alternately in one run.

    .venv-llama/bin/python bench/gguf_speed.py [--rounds 3] [--files FILE.gguf ...] [--json FILE]

Milliseconds a token at each context with the full cache, of kvhost with a press at a share of it too, and the time to
read the prompts. Both programs have the same threads; llama.cpp runs with flash attention and without, and for every
figure the better of the two counts. Medians, with the lowest and the highest beside them, and how much of the
processors others used meanwhile: above a few per cent the figures say little. Bytes a token reads (weights and cache) stand
beside what the machine reads at best. Exit 1 when a target is missed.

Without --files: SmolLM2 where it has been fetched, and random weights of Qwen3-0.6B's dimensions in Q8_0 and Q4_K,
written into --cache on the first call. scripts/llama_env.sh makes the environment.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import date
from pathlib import Path
from statistics import median

import gguf
import random_gguf
from checkpoints import ROOT, add_cache_flag, cpu_name, random_tokens
from read_bandwidth import read_speeds

SMOLLM2 = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "kvhost/models/smollm2"
KVHOST, PRESSED, FLASH_ON, FLASH_OFF = "kvhost", "kvhost pressed", "llama.cpp flash", "llama.cpp plain"
PREFILL_AT = (1024, 4096)
PREFILL_TARGET = 2.0
MEMORY_TARGET = 1.15  # peak of the process / (file + cache), at most


def busy_ticks():
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(map(int, fields)) - int(fields[3]) - int(fields[4])  # all but idle and waiting for a disk


def own_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(command, folder):
    """-> the JSON that `command` prints, with the share of the processors that others used while it ran."""
    ticks, seconds, start = busy_ticks(), own_seconds(), time.monotonic()
    done = subprocess.run([str(c) for c in command], check=False, capture_output=True, text=True, cwd=folder)
    if done.returncode != 0:
        raise SystemExit(
            f"gguf_speed: {' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr[-2000:]}"
        )
    others = (busy_ticks() - ticks) / os.sysconf("SC_CLK_TCK") - (own_seconds() - seconds)
    share = others / (os.cpu_count() * (time.monotonic() - start))
    return json.loads(done.stdout) | {"others": max(0.0, share)}


def run_llama(args, file, tokens, context, flash, folder):
    command = [sys.executable, ROOT / "bench/llama_speed.py", "--model", file, "--tokens-file", tokens]
    command += ["--n-prompt", context, "-n", args.n_new, "--threads", args.threads, "--flash", flash]
    return timed(command, folder)


def run_host(args, file, tokens, context, press, folder):
    prompt = Path(folder) / "prompt.json"
    prompt.write_text(json.dumps(json.loads(Path(tokens).read_text())[:context]))
    command = [args.kvhost, "run", "--model", file, "--tokens-file", prompt, "-n", args.n_new + 1]
    command += ["--threads", args.threads, "--press", press, "--json", "-"]
    command += [] if press == "none" else ["--min-entries", 0, "--keep-ratio", args.keep_ratio]
    report = timed(command, folder)
    if report["n_new_tokens"] <= args.n_new // 2:  # random tokens may make it end early; times are per token
        raise SystemExit(f"gguf_speed: {file}: {report['n_new_tokens']} tokens and then {report['finish_reason']}")
    times, memory = report["timings"], report["memory"]
    return {
        "prefill_ms": times["prefill_ms"],
        "tpot_ms": times["tpot_ms"],
        "rss_peak_bytes": memory["rss_peak_bytes"],
        "cache_bytes": memory["cache_bytes_kept"],
        "others": report["others"],
    }


def one(args, file, tokens, context, who, folder):
    if who == KVHOST:
        return run_host(args, file, tokens, context, "none", folder)
    if who == PRESSED:
        return run_host(args, file, tokens, context, args.press, folder)
    return run_llama(args, file, tokens, context, "on" if who == FLASH_ON else "off", folder)


def measure(args, file):
    """-> {(who, context): [samples]}; a round measures everything once, each context with all programs in turn."""
    samples = defaultdict(list)
    vocab_size = next(t.shape[1] for t in gguf.GGUFReader(file).tensors if t.name == "token_embd.weight")
    tokens = args.tokens_file or random_tokens(args.cache, 8192, int(vocab_size))
    with tempfile.TemporaryDirectory() as folder:
        for nth in range(args.rounds):
            for context in args.contexts:
                programs = [KVHOST, FLASH_ON, PRESSED, FLASH_OFF]
                for who in programs if nth % 2 == 0 else reversed(programs):
                    samples[who, context].append(one(args, file, tokens, context, who, folder))
                    last = samples[who, context][-1]
                    print(
                        f"{Path(file).name} round {nth + 1} at {context} {who}: prefill {last['prefill_ms']:.0f} ms, "
                        f"{last['tpot_ms']:.2f} ms a token, others {100 * last['others']:.0f} %",
                        file=sys.stderr,
                        flush=True,
                    )
    return samples


def spread(samples, key):
    values = [s[key] for s in samples]
    return {"median": median(values), "low": min(values), "high": max(values)}


def summary(samples, contexts):
    """-> {context: {who: {key: spread}}}, llama.cpp as the better of its two at each figure."""
    table = {}
    for context in contexts:
        of = {who: samples[who, context] for who in (KVHOST, PRESSED, FLASH_ON, FLASH_OFF)}
        rows = {who: {k: spread(s, k) for k in ("prefill_ms", "tpot_ms", "rss_peak_bytes")} for who, s in of.items()}
        both = rows[FLASH_ON], rows[FLASH_OFF]
        rows["llama.cpp"] = {k: min((r[k] for r in both), key=lambda s: s["median"]) for k in rows[FLASH_ON]}
        rows["others"] = max(sample["others"] for s in of.values() for sample in s)
        rows["cache_bytes"] = of[KVHOST][-1]["cache_bytes"], of[PRESSED][-1]["cache_bytes"]
        table[context] = rows
    return table


def weight_bytes(file):
    """What a token reads of the file: all tensors, of an embedding that is not the head too only a row."""
    sizes = {t.name: int(t.n_bytes) for t in gguf.GGUFReader(file).tensors}
    return sum(sizes.values()) - (sizes["token_embd.weight"] if "output.weight" in sizes else 0)


def decode_target(context):
    """What llama.cpp's milliseconds a token have to be of ours, at least; None: nothing is asked."""
    if context == 128:
        return 1.5
    return 2.0 if context >= 4096 else None


def verdicts(file, table):
    """-> [(what, ratio, target, met)]"""
    rows = []
    for context, of in table.items():
        ours, theirs = of[KVHOST], of["llama.cpp"]
        target = decode_target(context)
        if target:
            rows.append((f"decode at {context}", theirs["tpot_ms"]["median"] / ours["tpot_ms"]["median"], target))
        if context in PREFILL_AT:
            rows.append(
                (f"prefill of {context}", theirs["prefill_ms"]["median"] / ours["prefill_ms"]["median"], PREFILL_TARGET)
            )
    rows = [(what, ratio, f">= {target}", ratio >= target) for what, ratio, target in rows]
    for context, of in table.items():
        ratio = of[KVHOST]["rss_peak_bytes"]["high"] / (Path(file).stat().st_size + of["cache_bytes"][0])
        rows.append((f"peak RSS / (file + cache) at {context}", ratio, f"<= {MEMORY_TARGET}", ratio <= MEMORY_TARGET))
    return rows


def cell(s, digits=1):
    return f"{s['median']:.{digits}f} ({s['low']:.{digits}f}-{s['high']:.{digits}f})"


def print_file(args, file, table, bandwidth):
    weights = weight_bytes(file)
    print(
        f"\n{Path(file).name}: {Path(file).stat().st_size / 1e6:.0f} MB, of which a token reads {weights / 1e6:.0f}\n"
    )
    form = "{:>8} {:<16} {:>24} {:>24} {:>9} {:>11} {:>8}"
    print(form.format("context", "program", "prefill ms", "ms a token", "RSS MB", "MB a token", "of bound"))
    for context, of in table.items():
        for who in (KVHOST, PRESSED, FLASH_ON, FLASH_OFF):
            row = of[who]
            # llama.cpp's cache of float16 has the bytes of kvhost's full one.
            reads = weights + of["cache_bytes"][1 if who == PRESSED else 0]
            bound = 1000 * reads / bandwidth / row["tpot_ms"]["median"]
            cells = [cell(row["prefill_ms"], 0), cell(row["tpot_ms"], 2), f"{row['rss_peak_bytes']['high'] / 1e6:.0f}"]
            print(form.format(context, who, *cells, f"{reads / 1e6:.0f}", f"{100 * bound:.0f} %"))
        print(f"{'':>8} others used up to {100 * of['others']:.0f} % of the processors")
    print("\n{:<40}{:>9}  {:<9}{}".format("ratio", "measured", "target", "verdict"))
    for what, ratio, target, met in verdicts(file, table):
        print("{:<40}{:>9.2f}  {:<9}{}".format(what, ratio, target, "met" if met else "MISSED"))


def default_files(cache):
    files = sorted(SMOLLM2.glob("*.gguf"))
    if not files:
        print(f"SKIPPED SmolLM2: nothing in {SMOLLM2}; `make smollm2` puts it there", file=sys.stderr)
    for kind in ("q8_0", "q4_k"):
        path = Path(cache) / f"qwen3_0.6b_random_{kind}.gguf"
        if not path.exists():
            random_gguf.write(path, kind)
        files.append(path)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cache_flag(parser)
    parser.add_argument("--kvhost", default=os.environ.get("KVHOST_BIN", str(ROOT / "build/release/bin/kvhost")))
    parser.add_argument("--files", nargs="*", type=Path)
    parser.add_argument("--tokens-file", help="ids to read (default: random ones)")
    parser.add_argument("--contexts", nargs="*", type=int, default=[128, 1024, 4096, 8128])
    parser.add_argument("--press", default="adakv:snapkv")
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("-n", "--n-new", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", nargs="?", const=str(ROOT / f"bench/results/{date.today()}-gguf.json"))
    args = parser.parse_args()
    args.kvhost = str(Path(args.kvhost).resolve())
    speeds = read_speeds(args.threads)
    bandwidth, middle = max(speeds), median(speeds)
    print(
        f"{cpu_name()}, {args.threads} threads, reads {bandwidth / 1e9:.1f} GB/s at best, {middle / 1e9:.1f} in the median; "
        f"{args.rounds} rounds"
    )
    result = {"cpu": cpu_name(), "bandwidth": bandwidth, "bandwidth_median": middle, "rounds": args.rounds, "files": {}}
    missed = False
    for file in args.files or default_files(args.cache):
        table = summary(measure(args, Path(file).resolve()), args.contexts)
        print_file(args, file, table, bandwidth)
        missed |= any(not met for *_, met in verdicts(file, table))
        result["files"][Path(file).name] = table
    if args.json:
        Path(args.json).parent.mkdir(parents=True, exist_ok=True)
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
