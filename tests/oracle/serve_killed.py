#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of `kvhost serve` while it saves a document: what is in the folder is whole, and the next server loads it.

    tests/oracle/serve_killed.py build/release/bin/kvhost [--times 10]
"""
import argparse
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).resolve().parents[2]


def post(address, path, body):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", path, json.dumps(body))
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def start(program, folder):
    server = subprocess.Popen([program, "serve", "--port", "0", "--press", "none", "--documents", folder], stdout=subprocess.PIPE, text=True)
    return server, urlparse(next(line for line in server.stdout if line.startswith("listening")).split()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--times", type=int, default=10)
    args = parser.parse_args()
    text = json.loads((ROOT / "models/demo/prompts/needle.json").read_text())["text"]
    question = {"prompt": " Then", "max_tokens": 8, "temperature": 0}
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        answer = None
        for time_ in range(args.times):
            server, address = start(args.program, folder)
            if time_ == 0:
                _, document = post(address, "/v1/documents", {"text": text})
                post(address, f"/v1/documents/{document['id']}/save", {"file": "town"})
            status, document = post(address, "/v1/documents/load", {"file": "town"})
            if status != 200:
                wrong += 1
                print("WRONG", document)
                break
            _, out = post(address, "/v1/completions", {**question, "document": document["id"]})
            answer = answer or out["choices"][0]["text"]
            wrong += out["choices"][0]["text"] != answer

            def save():
                try:
                    while True:
                        post(address, f"/v1/documents/{document['id']}/save", {"file": "town"})
                except (OSError, http.client.HTTPException):
                    pass

            saver = threading.Thread(target=save)
            saver.start()
            time.sleep(random.uniform(.01, .3))
            server.kill()
            server.wait()
            saver.join()
        left = sorted(path.name for path in Path(folder).iterdir())
    print(f"{args.times} times killed while saving: {wrong} wrong; in the folder {left}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
