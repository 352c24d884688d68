# SPDX-License-Identifier: Apache-2.0
"""What a compressed cache really costs: bytes of the cache and of the process, full against 25 % kept.

    .venv-oracle/bin/python bench/memory.py [--tokens 8192] [--json FILE]

Random weights with Qwen3-0.6B's cache (28 layers x 8 KV heads x 128) and a narrow rest, so that 8k tokens prefill
quickly and the process is nearly all cache. The resident size is sampled from the system while the program runs.
"""

import argparse
import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

from checkpoints import NARROW, ROOT, add_cache_flag, checkpoint, random_tokens

PRESSES = ("none", "snapkv", "adakv:snapkv", "rankkv(profile=none):adakv:snapkv")


class Resident(threading.Thread):
    """Samples a process's resident bytes: the highest, and the last ones seen (while it decodes)."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.samples, self.done = pid, [], threading.Event()

    def run(self):
        page = os.sysconf("SC_PAGE_SIZE")
        while not self.done.wait(0.02):
            try:
                self.samples.append(int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * page)
            except (OSError, IndexError):
                return

    def settled(self):
        """The median of the last quarter: prefill is over by then, the process not yet gone."""
        tail = sorted(s for s in self.samples[len(self.samples) * 3 // 4 :] if s)
        return tail[len(tail) // 2]


def measure(args, model, tokens, press):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        command = [args.kvhost, "run", "--model", model, "--tokens-file", tokens, "--dtype", "bfloat16"]
        command += ["-n", args.n_new, "--press", press, "--json", out]
        command += [] if press == "none" else ["--min-entries", 0, "--keep-ratio", args.keep_ratio]
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
        watch = Resident(process.pid)
        watch.start()
        code = process.wait()
        watch.done.set()
        watch.join()
        if code:
            raise SystemExit(f"exit {code}: {' '.join(map(str, command))}")
        memory = json.loads(out.read_text())["memory"]
    return {"press": press, **memory, "rss_settled_bytes": watch.settled(), "rss_max_bytes": max(watch.samples)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cache_flag(parser)
    parser.add_argument("--kvhost", default=os.environ.get("KVHOST_BIN", str(ROOT / "build/release/bin/kvhost")))
    parser.add_argument("--press", nargs="*", default=PRESSES)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("-n", "--n-new", type=int, default=32, help="long enough for the resident size to be sampled")
    parser.add_argument("--json")
    args = parser.parse_args()
    model = checkpoint(args.cache, "narrow_28x8x128_random", NARROW)
    tokens = random_tokens(args.cache, args.tokens, NARROW["vocab_size"])
    rows = [measure(args, model, tokens, press) for press in args.press]
    keys = ["cache_bytes_full", "cache_bytes_kept", "cache_bytes_allocated", "cache_bytes_peak"]
    keys += ["rss_settled_bytes", "rss_max_bytes"]
    print(f"{args.tokens} tokens, 28 layers x 8 KV heads x 128, bfloat16, {args.keep_ratio:.0%} kept; MB")
    print("{:<36}".format("press") + "".join(f"{k.replace('_bytes', '').replace('cache_', ''):>14}" for k in keys))
    for row in rows:
        print("{:<36}".format(row["press"]) + "".join(f"{row[k] / 1e6:>14.1f}" for k in keys))
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
