#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Questions about one document by several clients of `kvhost serve`: the document read once, beside a prompt for every question.

    bench/serve_documents.py build/release/bin/kvhost [--model smollm2 --tokens 6000] [--questions 20] [--clients 4] [--json FILE]

Prints seconds from the first request to the last answer, the prefill's seconds (sum over requests), tokens read, and bytes of cache. Exit 1 where
the document does not save 15 times the tokens.
"""
import argparse
import json
import sys
import time
from pathlib import Path

from serve_client import ROOT, Server, by_clients, post

TEXT = "examples/suites/texts/alice.txt"
GOAL = 15  # times fewer tokens read


def questions(args, server, body):
    """(seconds, replies) of all questions by all clients."""
    seconds, replies, failures = by_clients(args.clients, range(args.questions), lambda number: post(
        server.address, "/v1/chat/completions", body(f" Question {number}: who was there?")))
    if failures:
        raise SystemExit("\n".join(failures[:3]))
    return seconds, replies


def prefill_s(replies):
    return sum(reply["kvhost"]["prefill_ms"] for reply in replies) / 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--press", default="adakv:snapkv")
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--tokens", type=int, default=3500, help="of the document; the bundled model reads 4096 at most")
    parser.add_argument("--answer-tokens", type=int, default=16)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--json")
    args = parser.parse_args()
    server = Server(args.program, "--model", args.model)
    tokens = post(server.address, "/tokenize", {"content": (ROOT / TEXT).read_text()})["tokens"][:args.tokens]
    text = post(server.address, "/detokenize", {"tokens": tokens})["content"]
    press = {"press": args.press, "keep_ratio": args.keep_ratio, "min_entries": 0}
    asked = {"max_tokens": args.answer_tokens, "temperature": 0}

    began = time.monotonic()
    document = post(server.address, "/v1/documents", {"text": text, **press})
    read = time.monotonic() - began
    seconds, once = questions(args, server, lambda question: {
        "document": document["id"], "messages": [{"role": "user", "content": question}], **asked})
    separate, anew = questions(args, server, lambda question: {
        "messages": [{"role": "user", "content": text + question}], "cache_prompt": False, **press, **asked})
    prefill = document["kvhost"]["prefill_ms"] / 1000 + prefill_s(once)
    prompt_tokens = document["kvhost"]["n_prompt_tokens"] + sum(
        out["usage"]["prompt_tokens"] - out["usage"]["prompt_tokens_details"]["cached_tokens"] for out in once)
    out = {"model": args.model, "press": args.press, "keep_ratio": args.keep_ratio, "questions": args.questions,
           "clients": args.clients, "document_tokens": document["kvhost"]["n_prompt_tokens"],
           "document": {"seconds": read + seconds, "prefill_s": prefill, "tokens_read": prompt_tokens},
           "separate": {"seconds": separate, "prefill_s": prefill_s(anew),
                        "tokens_read": sum(out["usage"]["prompt_tokens"] for out in anew)},
           "cache_bytes_full": document["kvhost"]["cache_bytes_full"], "cache_bytes_kept": document["kvhost"]["cache_bytes_kept"]}
    out["less_prefill"] = out["separate"]["tokens_read"] / prompt_tokens
    print(json.dumps(out, indent=1))
    if args.json:
        Path(args.json).write_text(json.dumps(out, indent=1) + "\n")
    return server.end() or (0 if out["less_prefill"] >= GOAL else 1)


if __name__ == "__main__":
    sys.exit(main())
