#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of `kvhost serve` in headless Chromium, by its debugging port: drop a text, ask two compositions and the full cache,
compare them, look at what was kept.

    tests/oracle/serve_page.py build/release/bin/kvhost [FOLDER for screenshots]

Needs Chromium and Python's own library. Ends with 1 where something is not as it should be.
"""
import base64
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Page:
    """One page of a browser, by the DevTools protocol over a WebSocket."""

    def __init__(self, profile, port=9333):
        self.browser = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--remote-debugging-port={port}",
             "--remote-allow-origins=*", "--window-size=1280,1000", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(150):
            try:
                tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
                break
            except OSError:
                time.sleep(.2)
        path = next(tab for tab in tabs if tab["type"] == "page")["webSocketDebuggerUrl"].split(str(port))[1]
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        self.rest, self.number, self.events = b"", 0, []
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.socket.recv(4096)
        self.rest = self.rest.split(b"\r\n\r\n", 1)[1]
        for domain in ("Page", "Runtime", "Log"):
            self.command(domain + ".enable")

    def take(self, n):
        while len(self.rest) < n:
            self.rest += self.socket.recv(65536)
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def receive(self):
        out = b""
        while True:
            first, second = self.take(2)
            n = second & 127
            n = struct.unpack(">H", self.take(2))[0] if n == 126 else struct.unpack(">Q", self.take(8))[0] if n == 127 else n
            out += self.take(n)
            if first & 0x80:
                return json.loads(out)

    def command(self, method, **params):
        self.number += 1
        data, mask = json.dumps({"id": self.number, "method": method, "params": params}).encode(), os.urandom(4)
        n = len(data)
        head = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n)
        self.socket.sendall(b"\x81" + head + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(data)))
        while True:
            told = self.receive()
            if told.get("id") == self.number:
                return told.get("result", told)
            self.events.append(told)

    def js(self, expression):
        return self.command("Runtime.evaluate", expression=expression, returnByValue=True).get("result", {}).get("value")

    def until(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.js(expression):
                return True
            time.sleep(.1)
        return False

    def key(self, key, text=None):
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=13 if key == "Enter" else 0,
                         **({"text": text} if text and kind == "keyDown" else {}))

    def shot(self, file):
        data = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        Path(file).write_bytes(base64.b64decode(data))

    def close(self):
        self.command("Browser.close")
        self.browser.wait(20)


def check(so, what):
    print(("ok    " if so else "WRONG ") + what, flush=True)
    return 0 if so else 1


def set_value(page, selector, value, event="change"):
    page.js(f"document.querySelector('{selector}').value = {json.dumps(value)};"
            f"document.querySelector('{selector}').dispatchEvent(new Event('{event}'))")


def text_of(page, selector):
    return page.js(f"[...document.querySelectorAll('{selector}')].map((one) => one.textContent).join('|')")


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def begins(page):
    wrong = check(page.until("document.querySelector('#presses')?.children.length > 5", 20), "the methods are listed")
    wrong += check(page.js("getComputedStyle(document.querySelector('#key-form')).display") == "none", "no key is asked for")
    wrong += check("adakv(alpha_safeguard=0.2)" in text_of(page, "#params dt") and "0 to 1" in text_of(page, "#params dd"),
                   "a composition's parameters are told with their ranges")
    wrong += check(text_of(page, "#models option") == "demo|tiny", "both models are listed")
    set_value(page, "#models", "tiny")
    wrong += check("context 1,024" in text_of(page, "#model"), "the other model is chosen")
    set_value(page, "#models", "demo")
    return wrong


def compares(page, url, text):
    """Two compositions and the full cache, asked the same; what the page tells of them is what the server says."""
    page.js("const given = new DataTransfer(); given.items.add(new File([" + json.dumps(text) + "], 'a.txt'));"
            "document.querySelector('#text').dispatchEvent(new DragEvent('drop', {dataTransfer: given, cancelable: true}))")
    wrong = check(page.until("document.querySelector('#text').value.length > 1000", 10), "a file is dropped")
    page.js("document.querySelector('#beside').click()")
    wrong += check(not page.js("document.querySelector('#second').hidden"), "a second composition can be chosen")
    set_value(page, "#press2", "streaming_llm", "input")
    set_value(page, "#ratio2", "10", "input")
    page.js("document.querySelector('#read').click()")
    wrong += check(page.until("!document.querySelector('#kept').hidden"), "a document is read and shown")
    figures = text_of(page, "#figures td")
    wrong += check("25.0 %" in figures and "10.0 %" in figures and "100.0 %" in figures, "three caches are told of")
    set_value(page, "#tokens", "16")
    page.js("document.querySelector('#question').value = ' The driver said'; document.querySelector('#question').focus()")
    page.key("Enter", "\r")
    answered = "document.querySelector('#stop').disabled && document.querySelectorAll('.agrees').length == 3"
    wrong += check(page.until(answered), "Enter asks, all three answer and are compared")
    wrong += check(page.js("[...document.querySelectorAll('.said')].every((box) => box.textContent.trim().length > 3)"),
                   "all answers hold text")
    listed = {one["kvhost"]["press"]: one["id"] for one in json.load(urllib.request.urlopen(url + "/v1/documents"))["data"]}
    order = [listed["none"], listed["adakv:snapkv"], listed["streaming_llm"]]
    full = page.js("document.querySelectorAll('.said')[2].textContent")
    told = post(url + "/v1/compare", {"documents": order, "answer": full,
                                      "messages": [{"role": "user", "content": " The driver said"}]})
    shown = text_of(page, ".agrees")
    for pair in told["pairs"]:
        agrees = f"{int(1000 * pair['top1_agreement'] + .5) / 10:.1f} %"  # a half goes up, as in the page
        wrong += check(agrees in shown, f"agreement of {pair['of']} and {pair['beside']} is shown: {agrees}, KL {pair['kl']:.3g}")
        digits = f"{pair['kl']:.10f}".lstrip("0.")[:2]
        wrong += check(digits in shown.replace(".", ""), "and its KL")
    wrong += check(told["pairs"][0]["kl"] < told["pairs"][1]["kl"], "a quarter kept is nearer to the full cache than a tenth")
    return wrong


def shows(page, shots):
    wrong = check("24 heads" in text_of(page, "#kept-says"), "all heads are shown")
    if shots:
        page.shot(Path(shots) / "light.png")
    set_value(page, "#layer", "2")
    wrong += check("4 heads" in text_of(page, "#kept-says"), "one layer is shown")
    page.js("document.querySelector('#whose').selectedIndex = 1; document.querySelector('#whose').dispatchEvent(new Event('change'))")
    wrong += check(page.until("document.querySelector('#kept-says').textContent.startsWith('10.')", 10),
                   "what the other one kept is shown")
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    wrong += check(page.js("getComputedStyle(document.body).backgroundColor") == "rgb(18, 21, 26)", "by night it is dark")
    if shots:
        page.shot(Path(shots) / "dark.png")
    page.command("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
    wrong += check(page.js("document.documentElement.scrollWidth <= 390"), "it fits a narrow screen")
    if shots:
        page.shot(Path(shots) / "narrow.png")
    return wrong


def use(page, url, shots):
    page.command("Page.navigate", url=url)
    text = json.loads((ROOT / "models/demo/prompts/needle.json").read_text())["text"][:5000]
    wrong = begins(page) + compares(page, url, text) + shows(page, shots)
    page.js("document.querySelector('#forget').click()")
    wrong += check(page.until("document.querySelector('#kept').hidden", 10), "the documents are forgotten")
    listed = json.load(urllib.request.urlopen(url + "/v1/documents"))["data"]
    wrong += check(listed == [], "and so the server's")
    set_value(page, "#press", "snapkk", "input")
    page.js("document.querySelector('#read').click()")
    wrong += check(page.until("document.querySelector('#status').textContent.includes(\"did you mean 'snapkv'\")", 10),
                   "what is wrong is told")
    loud = [event for event in page.events if event.get("method") == "Runtime.exceptionThrown"]
    wrong += check(not loud, "no exception was thrown")
    return wrong


def main():
    server = subprocess.Popen([sys.argv[1], "serve", "--port", "0", "--model", "demo", "--model", "tiny"], stdout=subprocess.PIPE, text=True)
    url = next(line for line in server.stdout if line.startswith("listening")).split()[-1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Page(profile)
        wrong = use(page, url, sys.argv[2] if len(sys.argv) > 2 else None)
        page.close()
    server.terminate()
    wrong += check(server.wait(60) == 0, "the server ends with 0")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
