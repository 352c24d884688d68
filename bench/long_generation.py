#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of one long generation at a fixed cache budget: it must not grow.

    bench/long_generation.py [--kvhost BIN] [--tokens 20000] [--budget 256] [--every 64] [--decode-press SPEC] [--json OUT]

Runs the bundled model and reads the process's resident memory once a second. After a warm-up of a tenth of the time the
highest and the lowest reading may differ by 1 % of their mean. Exit 1 when they do.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


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
        time.sleep(1)
    if process.wait() != 0:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return readings, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--tokens", type=int, default=20000)
    parser.add_argument("--budget", type=int, default=256)
    parser.add_argument("--every", type=int, default=64)
    parser.add_argument("--decode-press", default="key_rerotation:streaming_llm")
    parser.add_argument("--json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report_file = Path(folder) / "report.json"
        command = [args.kvhost, "run", "--budget", str(args.budget), "--press", "streaming_llm", "-n", str(args.tokens)]
        command += ["--decode-press", args.decode_press, "--decode-every", str(args.every), "--quiet"]
        command += ["--decode-budget", str(args.budget), "--json", str(report_file)]
        readings, seconds = watch(command)
        report = json.loads(report_file.read_text())
    steady = readings[max(1, len(readings) // 10) :]
    if len(steady) < 5:
        raise SystemExit(f"only {len(steady)} readings after the warm-up; expected 5 or more: take more --tokens")
    spread = (max(steady) - min(steady)) / (sum(steady) / len(steady))
    result = {
        "decode_press": args.decode_press,
        "generated": report["n_new_tokens"],
        "finish_reason": report["finish_reason"],
        "entries_per_head": args.budget,
        "seconds": round(seconds, 1),
        "readings": len(steady),
        "lowest_mb": round(min(steady) / 1e6, 2),
        "highest_mb": round(max(steady) / 1e6, 2),
        "spread": round(spread, 5),
    }
    print(json.dumps(result, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    raise SystemExit(1 if spread > 0.01 else 0)


if __name__ == "__main__":
    main()
