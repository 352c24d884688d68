# SPDX-License-Identifier: Apache-2.0
"""Runs kvhost and kvpress on a real model and a real text, and compares what they kept, method by method.

    .venv-oracle/bin/python tests/oracle/real_kept_compare.py [--tokens 1000] [--methods SPEC ...] [--float64] [--json FILE]

The model is SmolLM2-135M-Instruct's GGUF file (`make smollm2`), which both read in float32; the text is two chapters of a
book (bench/texts). A quarter is kept where the method does not decide it itself; what methods would have learned is drawn
(resources.py) and the same for both. In 30 layers the last digits of float32 grow, so an entry near the cut may fall
either way. Each row says how many of the kept entries differ and the width within which all of them lie about the cut,
relative to its score; with --float64 there stands beside it by how many entries the peer differs from itself when its
pass is computed in that (not for those that read the text more than once: there the peer really runs, and the text
begins with what the chat template lays before it). Exit 1 where the width is above --tie.
"""

import json
import os
import re
import signal
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")  # bars over 272 tensors; read when it is imported
import torch
from common import ROOT, Host, HostError, make_parser, print_table
from gguf_compare import fetched
from gguf_model import laid_out
from kept_compare import host_kept, host_request
from pass_presses import PASSES, template_prefix
from presses import METHODS, run_peer
from replay import listen, playing
from ties import REL, verdict
from wrapper_presses import WRAPPERS, fitted

TEXT = ROOT / "bench/texts/alice_1_2.txt"
WIDTHS = (0.0, 1e-7, 1e-6, REL, 1e-4, 1e-3, 1e-2)  # 0: equal scores
HEADER = ["method", "tokens", "kept", "differ", "peer in float64", "within", "outcome"]


@contextmanager
def limited(seconds):
    def stop(*_):
        raise TimeoutError(f"the peer took more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def text_tokens(host, file, n):
    _, out = host.call(["tokenize", "--model", file, "-f", TEXT, "--json", "-"])
    tokens = json.loads(out)["tokens"]
    if len(tokens) < n:
        raise SystemExit(f"real_kept_compare: {TEXT}: {len(tokens)} tokens, --tokens {n} asked; ask for fewer")
    return tokens[:n]


def n_differing(ours, theirs):
    """Entries that the one holds and the other does not, over layers and heads."""
    return sum(len(set(a) - set(b)) for one, other in zip(ours, theirs) for a, b in zip(one, other))


def width(ours, peer):
    """The smallest of WIDTHS within which every difference is a tie; (None, why) where none is wide enough."""
    if len(ours) != len(peer.layers):
        return None, f"{len(ours)} layers dumped, {len(peer.layers)} expected"
    for rel in [w for w in WIDTHS if w >= REL] if peer.judge else WIDTHS:
        if peer.judge:
            peer.judge(rel)
        found = [verdict(kept, layer, rel) for kept, layer in zip(ours, peer.layers)]
        if all(outcome != "different" for outcome, _ in found):
            return rel, ""
    return None, next(f"layer {n}: {why}" for n, (outcome, why) in enumerate(found) if outcome == "different")


def judged(ours, peer, again, tie):
    """-> (kept, differ, peer in float64, within, outcome), why"""
    theirs = [layer.kept for layer in peer.layers]
    kept = sum(len(head) for layer in theirs for head in layer)
    differ = n_differing(ours, theirs)
    own = n_differing([layer.kept for layer in again.layers], theirs) if again else ""
    if ours == theirs:
        return (kept, 0, own, "", "identical"), ""
    within, why = width(ours, peer)
    if peer.by_design and within is None:
        return (kept, differ, own, "", "by design"), peer.by_design
    outcome = "different" if within is None or within > tie else "tied"
    return (kept, differ, own, f"{within:g}" if within is not None else "", outcome), why


def listened(model, tokens, float64):
    heard = {"float32": listen(model, tokens)}
    if float64:
        heard["float64"] = listen(model.double(), tokens)
        model.float()
    return heard


class Comparison:
    """The methods on one text: the peer asks here, kvhost in processes beside."""

    def __init__(self, args, host, model, file, tokens):
        self.args, self.host, self.model, self.file, self.tokens = args, host, model, file, tokens
        self.heard = listened(model, tokens, args.float64)
        self.framed = [*template_prefix(model), *tokens][: len(tokens)]

    def text(self, spec):
        return self.framed if spec in PASSES else self.tokens

    def ask_peer(self, kind, spec):
        n, n_kept = fitted(spec, len(self.tokens), round(len(self.tokens) * self.args.keep_ratio))
        with limited(self.args.limit), self.heard_by(spec, kind):
            peer = run_peer(self.model, self.text(spec)[:n], spec, n_kept)
        if peer.refused:
            peer.press, peer.budget = host_request(self.model, spec, n_kept)
        return n, peer

    def heard_by(self, spec, kind):
        """One pass is played to all; what reads the text again meets the model itself."""
        return nullcontext() if spec in PASSES else playing(self.model, self.heard[kind])

    def begin(self, pool, spec):
        """-> what settle() ends: the peer's answer, kvhost's on its way"""
        n, peer = self.ask_peer("float32", spec)
        tokens_file = self.host.write_tokens(self.text(spec)[:n])
        return n, peer, pool.submit(host_kept, self.host, self.file, tokens_file, peer.press, peer.budget)

    def settle(self, spec, peer, future):
        """-> (kept, differ, peer in float64, within, outcome), why"""
        again = self.ask_peer("float64", spec)[1] if self.args.float64 and spec not in PASSES else None
        try:
            ours, _ = future.result()
        except HostError as error:
            return ("", "", "", "", "different"), str(error)
        if peer.refused:
            return ("", "", "", "", "refused"), peer.refused
        with limited(self.args.limit), self.heard_by(spec, "float32"):
            return judged(ours, peer, again, self.args.tie)

    def rows(self):
        """Yields a row and why, method by method; kvhost is a few methods behind the peer."""
        with ThreadPoolExecutor(self.args.workers) as pool:
            waiting = deque()
            for spec in [*self.args.methods, *[None] * (self.args.workers + 1)]:
                if spec:
                    waiting.append((spec, self.guarded(lambda spec=spec: self.begin(pool, spec))))
                if waiting and (spec is None or len(waiting) > self.args.workers):
                    yield self.ended(*waiting.popleft())

    def ended(self, spec, begun):
        if isinstance(begun, str):
            return [spec, len(self.tokens), "", "", "", "", "not compared"], begun
        n, peer, future = begun
        found = self.guarded(lambda: self.settle(spec, peer, future))
        cells, why = (("", "", "", "", "not compared"), found) if isinstance(found, str) else found
        return [spec, n, *cells], why

    @staticmethod
    def guarded(action):
        """What `action` gives, or what took too long."""
        try:
            return action()
        except TimeoutError as error:
            return str(error)


def named_once(specs):
    """The rows that name a method which none before them does."""
    seen, chosen = set(), []
    for spec in specs:
        names = set(re.findall(r"[a-z][a-z0-9_]*(?=[(:+]|$)", re.sub(r"\([^)]*\)", "", spec)))
        chosen += [spec] if names - seen else []
        seen |= names
    return chosen


def add_row(path, row):
    """Writes the row into the file; one of the same method and text is replaced."""
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [r for r in old if (r["of"], r["method"]) != (row["of"], row["method"])] + [row]
    rows.sort(key=lambda r: (r["of"], r["method"]))
    path.write_text('{"rows":[\n' + ",\n".join(map(json.dumps, rows)) + "\n]}\n")


def main():
    parser = make_parser(__doc__)
    comparable = [spec for spec in METHODS if not (spec in WRAPPERS and WRAPPERS[spec].renumbers)]
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--methods", nargs="*", default=comparable, help="kvhost compositions from presses.METHODS")
    parser.add_argument("--float64", action="store_true", help="the peer again, its pass in float64")
    parser.add_argument("--tie", type=float, default=REL, help="the widest tie, relative to the score at the cut")
    parser.add_argument("--once", action="store_true", help="a row only where it names a method that none before it does")
    parser.add_argument("--workers", type=int, default=2, help="how many kvhost run beside the peer")
    parser.add_argument("--limit", type=int, default=300, help="seconds that the peer may take over one method")
    parser.add_argument("--json", type=Path, help="merge the rows into this file, each as it is made")
    args = parser.parse_args()
    files = [file for file in fetched() if "smollm2" in file.parts]
    if not files:
        print("SKIPPED: SmolLM2 is not there; get it with: make smollm2")
        return
    host = Host(args.kvhost)
    model, file = laid_out(host, files[0])
    args.methods = named_once(args.methods) if args.once else args.methods
    rows, reasons = [], []
    for row, why in Comparison(args, host, model, file, text_tokens(host, file, args.tokens)).rows():
        rows.append(row)
        reasons += [(row[0], row[-1], why)] if why else []
        if args.json:
            add_row(args.json, {"of": args.tokens} | dict(zip(HEADER, row)))
    print_table(HEADER, rows)
    for spec, outcome, why in reasons:
        print(f"{outcome} {spec}: {why}")
    raise SystemExit(1 if any(row[6] in ("different", "not compared") for row in rows) else 0)


if __name__ == "__main__":
    main()
