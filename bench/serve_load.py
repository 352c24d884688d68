#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Load on `kvhost serve`: many clients at once, each with streams one after the other.

    bench/serve_load.py build/release/bin/kvhost [--clients 64] [--requests 1000] [--json FILE]

Starts a server of its own; the prompts are pieces of a bundled one, of mixed lengths, half of them compressed. Prints first
token and time per token (median, 99th of a hundred), tokens/s, and the server's memory at a tenth of the way and at the end.
"""
import argparse
import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).resolve().parents[1]


def rss_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return 0


def stream(address, body):
    """(seconds to the first token, seconds between tokens, tokens)"""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=600)
    began = time.monotonic()
    connection.request("POST", "/v1/completions", json.dumps({**body, "stream": True}), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    if reply.status != 200:
        raise RuntimeError(f"status {reply.status}: {reply.read()[:300]}")
    first, last, done = None, began, None
    for line in reply:
        if not line.startswith(b"data: {"):
            done = done or line.startswith(b"data: [DONE]")
            continue
        if any(choice["text"] for choice in json.loads(line[6:])["choices"]):
            last = time.monotonic()
            first = first or last
    connection.close()
    if not done:
        raise RuntimeError("a stream ended before its end")
    return first - began, last - first


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--json")
    args = parser.parse_args()
    text = json.loads((ROOT / "models/demo/prompts/needle.json").read_text())["text"]
    server = subprocess.Popen([args.program, "serve", "--model", args.model, "--port", "0", "--press", "none"],
                              stdout=subprocess.PIPE, text=True)
    address = urlparse(next(line for line in server.stdout if line.startswith("listening")).split()[-1])
    numbers, lock, firsts, betweens, failures, memory = iter(range(args.requests)), threading.Lock(), [], [], [], []

    def client():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            start = number * 137 % 2000
            body = {"prompt": text[start:start + 200 + number * 61 % 3000], "max_tokens": args.tokens, "ignore_eos": True,
                    "temperature": 0, "cache_prompt": False}
            if number % 2:
                body.update(press="snapkv", keep_ratio=0.25, min_entries=0)
            try:
                first, rest = stream(address, body)
                with lock:
                    firsts.append(first)
                    betweens.append(rest / (args.tokens - 1))
            except Exception as error:
                with lock:
                    failures.append(str(error))
            if number in (args.requests // 10, args.requests - 1):
                memory.append(rss_mb(server.pid))

    began = time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(args.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    server.terminate()
    code = server.wait()
    out = {"model": args.model, "clients": args.clients, "requests": args.requests, "failed": len(failures), "seconds": seconds,
           "first_token_ms": {"p50": 1000 * quantile(firsts, .5), "p99": 1000 * quantile(firsts, .99)},
           "token_ms": {"p50": 1000 * quantile(betweens, .5), "p99": 1000 * quantile(betweens, .99)},
           "tokens_per_s": args.tokens * len(firsts) / seconds, "rss_mb": memory, "exit_code": code}
    print(json.dumps(out, indent=1))
    for failure in failures[:5]:
        print("failed:", failure, file=sys.stderr)
    if args.json:
        Path(args.json).write_text(json.dumps(out, indent=1) + "\n")
    return 1 if failures or code else 0


if __name__ == "__main__":
    sys.exit(main())
