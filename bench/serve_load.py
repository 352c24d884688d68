#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Load on `kvhost serve`: many clients at once, each with streams one after the other.

    bench/serve_load.py build/release/bin/kvhost [--clients 64] [--requests 1000] [--json FILE]
    bench/serve_load.py build/release/bin/kvhost --minutes 30 --clients 4

Starts a server of its own; the prompts are pieces of a bundled one, of mixed lengths, half of them compressed. Prints first
token and time per token (median, 99th of a hundred), tokens/s, and the server's memory at a tenth of the way and at the end.

With --minutes it is about memory: requests of all kinds (documents made, asked and deleted, prompts that begin alike,
clients that hang up, log-probabilities) as long as that, the server's memory and the cache it holds between requests
every half minute. Exit 1 where it is larger in
the last quarter than in the second by more than 3 per cent and 2 MB, or a request failed.
"""
import argparse
import http.client
import itertools
import json
import sys
import threading
import time
from pathlib import Path

from serve_client import Server, by_clients, bundled_text, milliseconds, post, request, rss_mb, stream

PRESSED = {"press": "snapkv", "keep_ratio": 0.25, "min_entries": 0}


def a_prompt(text, number, most):
    start = number * 137 % 2000
    return text[start:start + 200 + number * 61 % (most - 200)]


def plain(address, text, number, args):
    """One stream; (seconds to the first token, seconds a token)."""
    body = {"prompt": a_prompt(text, number, args.characters), "max_tokens": args.tokens, "ignore_eos": True, "temperature": 0, "cache_prompt": False}
    first, rest, _ = stream(address, {**body, **(PRESSED if number % 2 else {})})
    return first, rest / max(1, args.tokens - 1)


def mixed(address, text, number, args):
    """One request of a kind that the number says."""
    kind = number % 6
    body = {"prompt": a_prompt(text, number // 6, args.characters), "max_tokens": args.tokens, "temperature": 0}
    if kind == 0:
        stream(address, {**body, "ignore_eos": True}, leave_after=3)
    elif kind == 1:
        document = post(address, "/v1/documents", {"text": body["prompt"], **PRESSED})["id"]
        post(address, "/v1/completions", {**body, "prompt": " Then", "document": document})
        if number % 4 == 1:  # the others go by themselves
            try:
                request(address, "DELETE", f"/v1/documents/{document}")
            except RuntimeError as error:
                if "no document" not in str(error):
                    raise
    elif kind == 2:
        post(address, "/v1/completions", {**body, "echo": True, "logprobs": 5, "max_tokens": 0, **PRESSED})
    elif kind == 3:
        post(address, "/v1/chat/completions", {"messages": [{"role": "user", "content": body["prompt"]}],
                                                "max_tokens": args.tokens, "n": 2, **PRESSED})
    else:
        stream(address, {**body, **(PRESSED if kind == 4 else {})})
    return 0, 0


def stored_mb(address):
    """Cache of documents and prompts that the server holds between requests."""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=600)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("kvhost_cache_bytes_stored ")) / 1e6


def watch(server, seconds, samples, over):
    began = time.monotonic()
    while not over.wait(min(30, seconds / 20)):
        samples.append((round(time.monotonic() - began), rss_mb(server.process.pid), round(stored_mb(server.address), 1)))


def quarter(samples, nth):
    n = len(samples)
    values = [mb for _, mb, _ in samples[nth * n // 4:(nth + 1) * n // 4]]
    return sum(values) / max(1, len(values))


def numbers_for(seconds):
    end = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())


def for_minutes(args, text):
    server, samples, over = Server(args.program, "--model", args.model, "--press", "none", "--max-cache", args.max_cache), [], threading.Event()
    watcher = threading.Thread(target=watch, args=(server, 60 * args.minutes, samples, over))
    watcher.start()
    seconds, results, failures = by_clients(args.clients, numbers_for(60 * args.minutes),
                                            lambda number: mixed(server.address, text, number, args))
    over.set()
    watcher.join()
    code = server.end()
    before, after = quarter(samples, 1), quarter(samples, 3)
    return {"model": args.model, "clients": args.clients, "minutes": args.minutes, "requests": len(results), "seconds": seconds,
            "rss_mb_second_quarter": before, "rss_mb_last_quarter": after, "seconds_rss_mb_stored_mb": samples,
            "grew": not args.no_growth_check and after > 1.03 * before and after > before + 2, "exit_code": code}, failures


def for_requests(args, text):
    server, memory = Server(args.program, "--model", args.model, "--press", "none"), []

    def work(number):
        out = plain(server.address, text, number, args)
        if number in (args.requests // 10, args.requests - 1):
            memory.append(rss_mb(server.process.pid))
        return out

    seconds, results, failures = by_clients(args.clients, range(args.requests), work)
    code = server.end()
    return {"model": args.model, "clients": args.clients, "requests": args.requests, "seconds": seconds,
            "first_token_ms": milliseconds([first for first, _ in results]), "token_ms": milliseconds([each for _, each in results]),
            "tokens_per_s": args.tokens * len(results) / seconds, "rss_mb": memory, "exit_code": code}, failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--max-cache", default="64MB", help="with --minutes: what is kept between requests fills it at first")
    parser.add_argument("--no-growth-check", action="store_true", help="of a minute or two, too short to tell")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--characters", type=int, default=3200, help="of the longest prompt; the shortest has 200")
    parser.add_argument("--json")
    args = parser.parse_args()
    out, failures = (for_minutes if args.minutes else for_requests)(args, bundled_text())
    out["failed"] = len(failures)
    print(json.dumps(out, indent=1))
    for failure in failures[:5]:
        print("failed:", failure, file=sys.stderr)
    if args.json:
        Path(args.json).write_text(json.dumps(out, indent=1) + "\n")
    return 1 if failures or out["exit_code"] or out.get("grew") else 0


if __name__ == "__main__":
    sys.exit(main())
