# SPDX-License-Identifier: Apache-2.0
"""How compression methods separate on the bundled model: what share of the questions each still answers.

    separate.py --count 20 --out models/recipe/results/separate.json
    separate.py --table models/recipe/results/separate.json      # prints the tables of RESULTS.md again

For every task a context of --length tokens of a held-out book is compressed by the kvhost program, and the cue and the
answer are then read, token by token (`kvhost score`). An answer is right if each of its tokens is the likeliest one.

inside   the cue stands at the end of the compressed prompt, in the window of the scorers that have one; only its last
         token is read after the compression, so that every answer token is predicted from the compressed cache
after    the context is compressed alone, the cue comes later

tasks    one: a number of up to three digits or a word · eight: one of eight such facts (after: all eight in turn) ·
         five digits: a pass key · copying: the share of 64 tokens right of a passage read about 1,600 tokens before
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from intervals import shown
from kvhost import Program
from probes import Probe, ProbeMaker
from tokenizers import Tokenizer

PRESSES = ["none", "snapkv", "adakv:snapkv", "rankkv:adakv:snapkv", "pyramidkv:snapkv", "knorm", "streaming_llm", "random"]
RATIOS = [0.25, 0.125]
TASKS = ["one", "eight", "five digits", "copying"]
PLACES = ["inside", "after"]


@dataclass(frozen=True)
class Cell:
    """One line of the results: a task, where the cue stands, and a method."""

    task: str
    place: str
    press: str
    keep_ratio: float


def probes(maker: ProbeMaker, task: str, index: int, length: int) -> list[Probe]:
    """The probes of one context."""
    seed, kind = f"separate:{task}:{index}", ("number", "word")[index % 2]
    if task == "one":
        return [maker.needle(seed, kind, length, (index * 0.37 + 0.05) % 0.9)]
    if task == "eight":
        return maker.several(seed, kind, length, 8)
    if task == "five digits":
        return [maker.needle(seed, task, length, (index * 0.37 + 0.05) % 0.9)]
    return [maker.copying(seed, 1600)]


def asked(program: Program, cell: Cell, found: list[Probe]) -> list[float]:
    """How right each probe of one context is, 0 to 1."""
    context = found[0].context
    if cell.place == "inside":
        found = found[:1]
        context, tail = context + found[0].cue[:-1], [found[0].cue[-1:]]
    else:
        tail = [probe.cue for probe in found]
    continuation, spans = [], []
    for probe, cue in zip(found, tail):
        begin = len(continuation) + len(cue)
        continuation += cue + probe.answer
        spans.append((begin, begin + len(probe.answer)))
    best = program.likeliest(context, continuation, cell.press, cell.keep_ratio)
    hits = [[best[i] == continuation[i] for i in range(*span)] for span in spans]
    if cell.task == "copying":
        return [sum(h) / len(h) for h in hits]
    return [float(all(h)) for h in hits]


def cells(tasks: list[str], presses: list[str]) -> list[Cell]:
    """All cells; the full cache has one ratio."""
    ratios = {press: [1.0] if press == "none" else RATIOS for press in presses}
    return [Cell(t, p, m, r) for t in tasks for p in PLACES for m in presses for r in ratios[m]]


def measure(args: argparse.Namespace) -> dict:
    maker = ProbeMaker(args.data, Tokenizer.from_file(str(args.model / "tokenizer.json")))
    program = Program(args.kvhost, args.model)
    contexts = {t: [probes(maker, t, i, args.length) for i in range(args.count)] for t in args.tasks}
    lines = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for cell in cells(args.tasks, args.presses):
            per_context = list(pool.map(lambda found: asked(program, cell, found), contexts[cell.task]))
            values = [v for part in per_context for v in part]
            lines.append({**asdict(cell), "values": [round(v, 4) for v in values]})
            print(f"{cell.task:12} {cell.place:7} {cell.press:22} {cell.keep_ratio:<6g} {shown(values)}", flush=True)
    return {"model": str(args.model), "length": args.length, "contexts": args.count, "lines": lines}


def tables(found: dict) -> str:
    """Markdown: a table for each place, methods down, tasks and ratios across."""
    text, tasks = [], list(dict.fromkeys(x["task"] for x in found["lines"]))
    for place in PLACES:
        columns = [(t, r) for t in tasks for r in RATIOS]
        text += [f"Cue {place}:", "", "| method | " + " | ".join(f"{t}, {100 * r:g} %" for t, r in columns) + " |"]
        text.append("|---" * (len(columns) + 1) + "|")
        by_cell = {(x["task"], x["press"], x["keep_ratio"]): x["values"] for x in found["lines"] if x["place"] == place}
        presses = list(dict.fromkeys(x["press"] for x in found["lines"]))
        for press in presses:
            shares = [shown(by_cell[t, press, 1.0 if press == "none" else r]) for t, r in columns]
            text.append(f"| {'full cache' if press == 'none' else press} | " + " | ".join(shares) + " |")
        text.append("")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/demo"), help="Hugging Face folder")
    parser.add_argument("--data", type=Path, help="folder of the texts (see corpus.py); needed unless --table is given")
    parser.add_argument("--kvhost", type=Path, default=Path("build/release/bin/kvhost"))
    parser.add_argument("--presses", nargs="+", default=PRESSES, help="compositions as --press takes them")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--length", type=int, default=2000, help="tokens of a context (copying: about 1,700)")
    parser.add_argument("--count", type=int, default=20, help="contexts for each task")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time, one thread each")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--table", type=Path, help="only print the tables of such a file")
    args = parser.parse_args()
    if args.table:
        print(tables(json.loads(args.table.read_text())))
        return
    if args.data is None:
        parser.error("no --data; expected the folder of the texts")
    found = measure(args)
    print("\n" + tables(found))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
