# SPDX-License-Identifier: Apache-2.0
"""What the load tests of `kvhost serve` share: a server of their own, requests, streams, quantiles."""
import http.client
import json
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).resolve().parents[1]


class Server:
    """A process that listens; `line` holds what it printed when it began to."""

    def __init__(self, program, *flags):
        self.process = subprocess.Popen([program, "serve", "--port", "0", *map(str, flags)], stdout=subprocess.PIPE, text=True)
        line = next((line for line in self.process.stdout if line.startswith("listening")), None)
        if line is None:
            raise SystemExit(f"{program} serve: ended with {self.process.wait()} before it listened")
        self.address = urlparse(line.split()[-1])

    def end(self):
        self.process.terminate()
        return self.process.wait(120)


def rss_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return 0


def request(address, method, path, body=None):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=3600)
    connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    out = json.loads(reply.read())
    connection.close()
    if reply.status != 200:
        raise RuntimeError(f"{method} {path}: status {reply.status}: {out}")
    return out


def post(address, path, body):
    return request(address, "POST", path, body)


def stream(address, body, leave_after=None):
    """(seconds to the first token, seconds from there to the last one, pieces) of a completion; `leave_after` pieces it hangs up."""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=3600)
    began = time.monotonic()
    connection.request("POST", "/v1/completions", json.dumps({**body, "stream": True}), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    if reply.status != 200:
        raise RuntimeError(f"status {reply.status}: {reply.read()[:300]}")
    first, last, done, n = None, began, False, 0
    for line in reply:
        if not line.startswith(b"data: {"):
            done = done or line.startswith(b"data: [DONE]")
            continue
        chunk = json.loads(line[6:])
        if "error" in chunk:
            raise RuntimeError(chunk["error"])
        if any(choice["text"] for choice in chunk["choices"]):
            last = time.monotonic()
            first = first or last
            n += 1
            if n == leave_after:
                done = True
                break
    connection.close()
    if not done:
        raise RuntimeError("a stream ended before its end")
    return (first or last) - began, last - (first or last), n


def by_clients(n_clients, numbers, work):
    """work(number) for every number, on so many threads; (seconds, results, failures)."""
    numbers, lock, results, failures = iter(numbers), threading.Lock(), [], []

    def client():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                out = work(number)
                with lock:
                    results.append(out)
            except Exception as error:  # told at the end; the others go on
                with lock:
                    failures.append(f"request {number}: {error}")

    began = time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(n_clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, results, failures


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def milliseconds(values):
    return {name: None if not values else round(1000 * quantile(values, share), 1) for name, share in (("p50", .5), ("p99", .99))}


def bundled_text():
    return "\n".join(json.loads(file.read_text())["text"] for file in sorted((ROOT / "models/demo/prompts").glob("*.json")))
