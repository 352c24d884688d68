#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`kvhost serve` beside the server of llama-cpp-python, llama-server's Python sibling, on the same GGUF file, in one run.

    .venv-llama/bin/python -m pip install 'llama-cpp-python[server]'
    bench/serve_beside.py build/release/bin/kvhost --peer .venv-llama/bin/python [--requests 64] [--seconds 120] [--json FILE]

Three parts, `--part` runs one of them alone:

    streams   64 clients, short prompts of mixed lengths, 32 tokens each: first token, time a token, tokens/s. Whoever has not
              done all requests after --seconds takes no more.
    decode    16 sequences over one document of 4k tokens: tokens/s while all generate. kvhost compresses the document to a
              quarter; and with the full cache for comparison.
    fit       documents that one --max-cache holds, whole and at a quarter, on the bundled model.

The sibling generates one sequence at a time, all others wait; it keeps the prompt of the last one, so of the document it reads
the beginning once. Its cache is the full one in float16, as kvhost's of these weights. Threads: what both take by themselves on
the machine's cores (--threads). Goals: fit >= 4, decode >= 3 times the sibling's tokens/s; exit 1 where one is missed.
"""
import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

from serve_client import ROOT, Server, by_clients, bundled_text, milliseconds, post, request, stream

SMOLLM2 = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "kvhost/models/smollm2"
QUARTER = {"press": "adakv:snapkv", "keep_ratio": 0.25, "min_entries": 0}
GREEDY = {"temperature": 0}


class Peer:
    """The sibling's server on a free port."""

    def __init__(self, python, model, threads, n_ctx):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = urlparse(f"http://127.0.0.1:{port}")
        self.process = subprocess.Popen(
            [python, "-m", "llama_cpp.server", "--model", model, "--n_ctx", str(n_ctx), "--n_threads", str(threads),
             "--n_threads_batch", str(threads), "--flash_attn", "true", "--interrupt_requests", "false", "--verbose", "false",
             "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                request(self.address, "GET", "/v1/models")
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{python} -m llama_cpp.server: ended with {self.process.returncode} before it listened")
                time.sleep(.1)
        raise SystemExit("the sibling does not listen after 60 s")

    def end(self):
        self.process.terminate()
        self.process.wait(60)
        return 0  # it has no exit code of its own for that


def kvhost(args):
    return Server(args.program, "--model", args.model, "--threads", args.threads, "--press", "none")


def peer(args):
    return Peer(args.peer, args.model, args.threads, 8192)


def busy_seconds():
    """Of all processors so far, whoever used them; and of this process with the children that it waited for."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    own = sum(getattr(resource.getrusage(who), name) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
              for name in ("ru_utime", "ru_stime"))
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK"), own  # all but idle and waiting for a disk


def noted(work, *given):
    """What `work` gives, with the share of the processors that others used meanwhile."""
    began, (busy, own) = time.monotonic(), busy_seconds()
    out = work(*given)
    busy_after, own_after = busy_seconds()
    share = (busy_after - busy - (own_after - own)) / (os.cpu_count() * (time.monotonic() - began))
    return {**out, "others_used": f"{100 * max(0.0, share):.0f} %"}


def until(seconds, n):
    end = time.monotonic() + seconds
    for number in range(n):
        if time.monotonic() > end:
            return
        yield number


def a_text(number):
    text = bundled_text()
    start = number * 137 % 2000
    return text[start:start + 200 + number * 61 % 2000]


def streams_of(args, start, extra):
    """All clients' streams on one server."""
    server = start(args)

    def work(number):
        return stream(server.address, {"prompt": a_text(number), "max_tokens": args.tokens, **GREEDY, **extra})

    seconds, results, failures = by_clients(args.clients, until(args.seconds, args.requests), work)
    code = server.end()
    pieces = sum(n for _, _, n in results)
    return {"requests": len(results), "failed": len(failures), "why": failures[:3], "seconds": round(seconds, 1),
            "first_token_ms": milliseconds([first for first, _, _ in results]),
            "token_ms": milliseconds([rest / (n - 1) for _, rest, n in results if n > 1]),
            "tokens_per_s": round(pieces / seconds, 1), "exit_code": code}


def streams(args):
    out = {"kvhost": noted(streams_of, args, kvhost, {"ignore_eos": True, "cache_prompt": False}),
           "kvhost at a quarter": noted(streams_of, args, kvhost, {"ignore_eos": True, "cache_prompt": False, **QUARTER})}
    if args.peer:
        out["llama-cpp-python"] = noted(streams_of, args, peer, {})
    return out


def a_document(address, text, n_tokens):
    tokens = post(address, "/tokenize", {"content": text})["tokens"][:n_tokens]
    return post(address, "/detokenize", {"tokens": tokens})["content"]


def rate(answers):
    """Tokens/s while sequences generate side by side: from the first one's first token to the last one's last."""
    begin = min(at for at, _, _ in answers)
    return sum(n - 1 for _, _, n in answers) / (max(at + rest for at, rest, _ in answers) - begin)


def timed_stream(address, body):
    began = time.monotonic()
    first, rest, n = stream(address, body)
    return began + first, rest, n


def question(number):
    return f" And then, in the {number + 2}th place,"


def decode_kvhost(args, text, press):
    server = kvhost(args)
    made = post(server.address, "/v1/documents", {"text": text, "chat": False, **press})
    body = {"document": made["id"], "max_tokens": args.decode_tokens, "ignore_eos": True, **GREEDY}
    _, answers, failures = by_clients(args.sequences, range(args.sequences), lambda number: timed_stream(
        server.address, {**body, "prompt": question(number)}))
    server.end()
    return {"document_tokens": made["kvhost"]["n_prompt_tokens"], "read_s": made["kvhost"]["prefill_ms"] / 1000,
            "cache_bytes_each": made["kvhost"]["cache_bytes_kept"], "failed": failures[:3], "tokens_per_s": round(rate(answers), 1)}


def decode_peer(args, text):
    server = peer(args)
    stream(server.address, {"prompt": text, "max_tokens": 1, **GREEDY})  # the document is read once
    _, answers, failures = by_clients(args.sequences, range(args.peer_sequences), lambda number: stream(
        server.address, {"prompt": text + question(number), "max_tokens": args.decode_tokens, **GREEDY}))
    server.end()
    # One after the other: what counts is the time that it generates.
    return {"sequences": len(answers), "failed": failures[:3],
            "tokens_per_s": round(sum(n - 1 for _, _, n in answers) / sum(rest for _, rest, _ in answers), 1)}


def decode(args):
    server = kvhost(args)
    text = a_document(server.address, (ROOT / "examples/suites/texts/alice.txt").read_text(), args.document_tokens)
    server.end()
    out = {"kvhost at a quarter": noted(decode_kvhost, args, text, QUARTER),
           "kvhost": noted(decode_kvhost, args, text, {"press": "none"})}
    if args.peer:
        out["llama-cpp-python"] = noted(decode_peer, args, text)
        out["times the sibling"] = round(out["kvhost at a quarter"]["tokens_per_s"] / out["llama-cpp-python"]["tokens_per_s"], 2)
    return out


def held(args, press):
    """Documents that a server holds when it has made more than fit."""
    server = Server(args.program, "--model", "demo", "--threads", args.threads, "--press", "none", "--max-cache", args.max_cache)
    text, most = a_document(server.address, bundled_text(), 3500), 0
    for number in range(1000):
        made = post(server.address, "/v1/documents", {"text": f"{number}. {text}", **press})
        n = len(request(server.address, "GET", "/v1/documents")["data"])
        if n < number + 1:  # one had to go
            break
        most = n
    server.end()
    return {"documents": most, "tokens_each": made["kvhost"]["n_prompt_tokens"], "cache_bytes_each": made["kvhost"]["cache_bytes_kept"]}


def fit(args):
    out = {"max_cache": args.max_cache, "whole": held(args, {"press": "none"}), "at a quarter": held(args, QUARTER)}
    out["times"] = round(out["at a quarter"]["documents"] / out["whole"]["documents"], 2)
    return out


def verdict(what, value, goal):
    if value is None:
        return True
    print(f"{what}: {value}, goal >= {goal}: {'met' if value >= goal else 'MISSED'}")
    return value >= goal


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter that has llama-cpp-python[server]; left out: kvhost alone")
    parser.add_argument("--model", default=next(iter(sorted(SMOLLM2.glob("*.gguf"))), None))
    parser.add_argument("--part", choices=["streams", "decode", "fit"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--peer-sequences", type=int, default=4)
    parser.add_argument("--document-tokens", type=int, default=4096)
    parser.add_argument("--decode-tokens", type=int, default=64)
    parser.add_argument("--max-cache", default="120MB", help="of the part fit")
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.model is None:
        raise SystemExit(f"--model: nothing in {SMOLLM2}; expected a GGUF file; `make smollm2` puts one there")
    args.model = str(args.model)
    parts = {name: work(args) for name, work in (("streams", streams), ("decode", decode), ("fit", fit))
             if args.part in (None, name)}
    print(json.dumps(parts, indent=1))
    met = [verdict("sequences in equal memory", parts.get("fit", {}).get("times"), 4),
           verdict("tokens/s of 16 sequences", parts.get("decode", {}).get("times the sibling"), 3)]
    if args.json:
        Path(args.json).write_text(json.dumps(parts, indent=1) + "\n")
    failed = any(one.get("failed") for part in parts.values() for one in part.values() if isinstance(one, dict))
    return 0 if all(met) and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
