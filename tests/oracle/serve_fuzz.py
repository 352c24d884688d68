#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that are wrong in every way, and clients that behave badly, against `kvhost serve`.

    tests/oracle/serve_fuzz.py build/release/bin/kvhost [--requests 10000] [--seed 0]

Valid requests are altered (fields replaced, dropped, misspelt; bytes flipped), sent whole, in pieces, half, or left in the midst
of their stream. After it the server must be healthy, answer as before, hold no promised memory, and end with 0.
"""
import argparse
import copy
import http.client
import json
import random
import socket
import subprocess
import sys
import threading
from urllib.parse import urlparse

VALUES = [None, True, False, 0, 1, -1, 2 ** 31, 2 ** 63, -2 ** 63, 1e308, 0.5, "", "x", "none", "snapkv", "\x00", "\u202e", "a" * 3000,
          [], {}, [[]], [1, 2, 3], [-1], [5000], ["a", 1], {"a": {}}, [[1], "x"], "adakv:" * 120, "knorm(", "../../etc/passwd"]
VALID = {
    "/v1/completions": {"prompt": "The history of", "max_tokens": 2, "temperature": 0.5, "n": 2, "stop": ["x"], "logprobs": 2, "echo": True,
                        "press": "snapkv", "keep_ratio": 0.5, "seed": 3, "logit_bias": {"5": 1}, "kept": "counts", "stream": False},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2, "press": "knorm", "budget": 20,
                             "logprobs": True, "top_logprobs": 1, "stream": True, "stream_options": {"include_usage": True}},
    "/v1/responses": {"input": [{"role": "user", "content": "Hello"}], "instructions": "Be brief", "max_output_tokens": 2, "stream": True},
    "/v1/messages": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}], "max_tokens": 2, "system": "x",
                     "stop_sequences": ["y"]},
    "/v1/documents": {"text": "A short text about a town.", "title": "t", "press": "streaming_llm", "keep_ratio": 0.5, "chat": False},
    "/v1/compare": {"documents": [], "prompt": " Then", "answer": " the town", "model": "demo"},
    "/tokenize": {"content": "Hello", "add_special": True},
    "/detokenize": {"tokens": [1, 2, 3]},
}
ALLOWED = {200, 400, 403, 404, 405, 413, 414, 429, 500}


def altered(body, rng):
    body = copy.deepcopy(body)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        place, key = body, rng.choice(list(body) + ["more"])
        while isinstance(place.get(key), dict) and place[key] and rng.random() < .6:
            place, key = place[key], rng.choice(list(place[key]))
        how = rng.random()
        if how < .7:
            place[key] = copy.deepcopy(rng.choice(VALUES))
        elif how < .85:
            place.pop(key, None)
        else:
            place[key + rng.choice("sx_")] = place.pop(key, 1)
    return body


def damaged(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[:rng.randrange(len(data) + 1)]) if rng.random() < .3 else bytes(data)


class Fuzzer:
    def __init__(self, address):
        self.address, self.lock, self.statuses, self.wrong = address, threading.Lock(), {}, []

    def note(self, status, data, path, sent):
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            plain = status >= 400 and data
            if status not in ALLOWED or (plain and (b"error" not in data or b"/work" in data or b"/tmp" in data)) or status == 500:
                self.wrong.append((status, path, sent[:300], data[:300]))

    def whole(self, path, data):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=120)
        connection.request("POST", path, data, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        self.note(reply.status, reply.read(), path, data)
        connection.close()

    def broken(self, path, data, rng):
        """In pieces, half, or gone in the midst of the answer."""
        raw = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(data) + rng.choice([0, 0, 0, 5, -1])}\r\n\r\n").encode() + data
        if rng.random() < .3:
            raw = damaged(raw, rng)
        with socket.create_connection((self.address.hostname, self.address.port), timeout=30) as client:
            end = rng.randrange(len(raw) + 1) if rng.random() < .3 else len(raw)
            client.sendall(raw[:end])
            if rng.random() < .5:
                client.shutdown(socket.SHUT_WR)
            if rng.random() < .5:
                client.recv(rng.choice([1, 100, 1000]))

    def run(self, numbers, seed):
        for number in numbers:
            rng = random.Random(f"{seed}-{number}")
            path = rng.choice(list(VALID))
            data = json.dumps(altered(VALID[path], rng)).encode()
            if rng.random() < .15:
                data = damaged(data, rng)
            try:
                if rng.random() < .1:
                    self.broken(path, data, rng)
                else:
                    self.whole(path, data)
            except (OSError, http.client.HTTPException) as error:
                with self.lock:
                    name = type(error).__name__
                    self.statuses[name] = self.statuses.get(name, 0) + 1


def post(address, path, body):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
    connection.request("POST", path, json.dumps(body))
    return json.loads(connection.getresponse().read())


def ask(address):
    return post(address, "/v1/completions", {"prompt": "The history of the town", "max_tokens": 12, "temperature": 0})["choices"][0]["text"]


def metric(address, name):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", "/metrics")
    return next(float(line.split()[-1]) for line in connection.getresponse().read().decode().splitlines() if line.startswith(name + " "))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    server = subprocess.Popen([args.program, "serve", "--port", "0", "--press", "none", "--max-cache", "200MB", "--max-tokens", "64"],
                              stdout=subprocess.PIPE, text=True)
    address = urlparse(next(line for line in server.stdout if line.startswith("listening")).split()[-1])
    before = ask(address)
    VALID["/v1/compare"]["documents"] = [post(address, "/v1/documents", {"text": "A short text about a town.", "press": press})["id"]
                                         for press in ("none", "streaming_llm")]
    fuzzer = Fuzzer(address)
    threads = [threading.Thread(target=fuzzer.run, args=(range(k, args.requests, 6), args.seed)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alive = server.poll() is None
    after = ask(address) if alive else None
    promised = metric(address, "kvhost_cache_bytes_promised") if alive else None
    server.terminate()
    code = server.wait(60)
    print(f"{args.requests} requests: {dict(sorted(fuzzer.statuses.items(), key=str))}")
    print(f"alive {alive}, the same answer {before == after}, promised bytes {promised}, exit code {code}")
    for one in fuzzer.wrong[:8]:
        print("WRONG", one)
    return 0 if alive and before == after and promised == 0 and code == 0 and not fuzzer.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
