#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of long generations whose cache is cut on the way: it must not grow.

    bench/long_generation.py [--kvhost BIN] [--model DIR] [--tokens 10000] [--budget 256] [--every 64]
                             [--decode-press SPEC ...] [--json OUT]

Runs the model (the bundled one) once for each composition and reads the process's resident memory four times a second. It
rises and falls with what a cut needs; its mean in the last third of the time may be 1 % above that in the second third, but for
compositions that decide themselves how much they keep (dms, duo_attention): of these the bytes behind a cut may not grow from
the second to the last third of the cuts. Exit 1 when they do, or when a generation ends before its length.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parents[1]
PRESSES = ["key_rerotation:streaming_llm", "dms(threshold=-4):kvzap", "triattention", "r_kv"]
OWN_TOTAL = ("dms", "duo_attention")


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def watch(command: list[str]) -> tuple[list[int], float]:
    """-> resident bytes once a second, seconds of the run."""
    readings: list[int] = []
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            readings.append(resident_bytes(process.pid))
        except (ProcessLookupError, FileNotFoundError):
            break
        time.sleep(0.25)
    if process.wait() != 0:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return readings, time.monotonic() - started


def generated(args, press: str, folder: Path) -> tuple[list[int], float, dict]:
    report_file = folder / "report.json"
    own_total = press.startswith(OWN_TOTAL)
    command = [args.kvhost, "run", "--budget", str(args.budget), "--press", "streaming_llm", "-n", str(args.tokens)]
    command += ["--decode-press", press, "--decode-every", str(args.every), "--quiet", "--json", str(report_file)]
    command += [] if own_total else ["--decode-budget", str(args.budget)]
    command += ["--model", args.model] if args.model else []
    command += ["--temperature", str(args.temperature), "--seed", str(args.seed)] if args.temperature else []
    readings, seconds = watch(command)
    return readings, seconds, json.loads(report_file.read_text())


def measured(args, press: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        readings, seconds, report = generated(args, press, Path(folder))
    steady = readings[max(1, len(readings) // 10) :]
    if len(steady) < 5:
        raise SystemExit(f"only {len(steady)} readings after the warm-up; expected 5 or more: take more --tokens")
    spread = (max(steady) - min(steady)) / (sum(steady) / len(steady))
    third = len(readings) // 3
    before, after = mean(readings[third : 2 * third]), mean(readings[2 * third :])
    cuts = [cut["bytes"] for cut in report["decode"]["cuts"]]
    third = len(cuts) // 3
    grows = max(cuts[2 * third :]) > 1.05 * max(cuts[third : 2 * third])
    return {
        "decode_press": press,
        "generated": report["n_new_tokens"],
        "finish_reason": report["finish_reason"],
        "entries_per_head": None if press.startswith(OWN_TOTAL) else args.budget,
        "cuts": len(cuts),
        "most_bytes_behind_a_cut": max(cuts),
        "full_cache_bytes": report["memory"]["cache_bytes_full"]
        * (report["n_new_tokens"] + report["n_prompt_tokens"])
        // report["n_prompt_tokens"],
        "seconds": round(seconds, 1),
        "readings": len(steady),
        "lowest_mb": round(min(steady) / 1e6, 2),
        "highest_mb": round(max(steady) / 1e6, 2),
        "spread": round(spread, 5),
        "growth": round(after / before - 1, 5),
        "bounded": report["finish_reason"] == "length" and (not grows if press.startswith(OWN_TOTAL) else after <= 1.01 * before),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--model")
    parser.add_argument("--tokens", type=int, default=10000)
    parser.add_argument("--budget", type=int, default=256)
    parser.add_argument("--every", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--decode-press", action="append")
    parser.add_argument("--json")
    args = parser.parse_args()
    results = [measured(args, press) for press in args.decode_press or PRESSES]
    print(json.dumps(results, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1) + "\n")
    raise SystemExit(0 if all(result["bounded"] for result in results) else 1)


if __name__ == "__main__":
    main()
