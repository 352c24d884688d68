#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Questions about one document by several clients of `kvhost serve`: the document read once, beside a prompt for every question.

    bench/serve_documents.py build/release/bin/kvhost [--model demo] [--tokens 3500] [--questions 20] [--clients 4] [--json FILE]

Prints seconds from the first request to the last answer, the prefill's seconds (sum over requests), and bytes of cache.
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


def post(address, path, body):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=3600)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    out = json.loads(reply.read())
    if reply.status != 200:
        raise RuntimeError(out)
    return out


def by_clients(n, work):
    """Runs work(number) for every number of `n` questions on the given clients; seconds and results."""
    questions, clients = n
    numbers, lock, results = iter(range(questions)), threading.Lock(), []

    def client():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            out = work(number)
            with lock:
                results.append(out)

    began = time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--press", default="adakv:snapkv")
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--tokens", type=int, default=3500)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--json")
    args = parser.parse_args()
    server = subprocess.Popen([args.program, "serve", "--model", args.model, "--port", "0"], stdout=subprocess.PIPE, text=True)
    address = urlparse(next(line for line in server.stdout if line.startswith("listening")).split()[-1])
    texts = [json.loads(file.read_text())["text"] for file in sorted((ROOT / "models/demo/prompts").glob("*.json"))]
    tokens = post(address, "/tokenize", {"content": "\n".join(texts)})["tokens"][:args.tokens]
    text = post(address, "/detokenize", {"tokens": tokens})["content"]
    press = {"press": args.press, "keep_ratio": args.keep_ratio, "min_entries": 0}
    asked = {"max_tokens": 16, "temperature": 0}
    n = (args.questions, args.clients)

    began = time.monotonic()
    document = post(address, "/v1/documents", {"text": text, **press})
    read = time.monotonic() - began
    seconds, once = by_clients(n, lambda i: post(address, "/v1/chat/completions", {
        "document": document["id"], "messages": [{"role": "user", "content": f" Question {i}: who was there?"}], **asked}))
    separate, anew = by_clients(n, lambda i: post(address, "/v1/chat/completions", {
        "messages": [{"role": "user", "content": text + f" Question {i}: who was there?"}], "cache_prompt": False, **press, **asked}))
    server.terminate()
    prefill = document["kvhost"]["prefill_ms"] / 1000 + sum(out["kvhost"]["prefill_ms"] for out in once) / 1000
    prompt_tokens = document["kvhost"]["n_prompt_tokens"] + sum(
        out["usage"]["prompt_tokens"] - out["usage"]["prompt_tokens_details"]["cached_tokens"] for out in once)
    out = {"model": args.model, "press": args.press, "keep_ratio": args.keep_ratio, "questions": args.questions,
           "clients": args.clients, "document_tokens": document["kvhost"]["n_prompt_tokens"],
           "document": {"seconds": read + seconds, "prefill_s": prefill, "tokens_read": prompt_tokens},
           "separate": {"seconds": separate, "prefill_s": sum(out["kvhost"]["prefill_ms"] for out in anew) / 1000,
                        "tokens_read": sum(out["usage"]["prompt_tokens"] for out in anew)},
           "cache_bytes_full": document["kvhost"]["cache_bytes_full"], "cache_bytes_kept": document["kvhost"]["cache_bytes_kept"]}
    out["less_prefill"] = out["separate"]["tokens_read"] / prompt_tokens
    print(json.dumps(out, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(out, indent=1) + "\n")
    return server.wait(60)


if __name__ == "__main__":
    sys.exit(main())
