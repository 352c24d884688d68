# SPDX-License-Identifier: Apache-2.0
"""What a model can do with its full cache, on books held out of training.

    evaluate.py --model models/demo --attention kernel --out models/recipe/results/demo.json

perplexity  per token and bits per byte, windows of reflowed text, at each of --lengths
needle      one fact, ten depths: exact answers of one to three digits, of a word, of five digits
several     eight facts, one asked for
copying     share of 64 tokens that greedy decoding repeats of a passage read 1,600 tokens before (a cue of 32)

Answers are exact when every token is the likeliest one. Matrix products are in bfloat16; copying runs in kvhost.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import corpus
import numpy as np
import torch
from attention import use_kernel
from intervals import shown
from kvhost import Program
from loss import weighted_loss
from model import Llama, Shape
from probes import Probe, ProbeMaker
from tokenizers import Tokenizer
from weights import load

PARTS = ("perplexity", "needle", "several", "copying")
KINDS = ("number", "word", "five digits")
DISTANCE = 1600


def shape_of(folder: Path) -> Shape:
    """The sizes in a folder's config.json."""
    config = json.loads((folder / "config.json").read_text())
    return Shape(**{key: config[key] for key in Shape.__dataclass_fields__})


@torch.no_grad()
def perplexity(model: Llama, data: Path, tokenizer: Tokenizer, length: int, windows: int) -> dict:
    """Windows spread evenly over every held-out book, each begun with <s>."""
    total, count, size = 0.0, 0, 0
    for path in corpus.held_out_files(data):
        book = tokenizer.encode(corpus.read(path), add_special_tokens=False).ids
        fit = min(windows, len(book) // (length - 1))
        for start in np.linspace(0, len(book) - length, fit).astype(int):
            part = book[start : start + length - 1]
            ids = torch.tensor([[0, *part]])
            padded = torch.nn.functional.pad(ids[:, :-1], (0, -(length - 1) % 64))
            hidden = model(padded)[:, : length - 1]
            _, losses = weighted_loss(hidden, model.embed_tokens.weight, ids[:, 1:], torch.ones(1, length - 1))
            total, count = total + float(losses.double().sum()), count + len(losses)
            size += len(tokenizer.decode(part).encode())
    return {"tokens": count, "perplexity": math.exp(total / count), "bits_per_byte": total / math.log(2) / size}


@torch.no_grad()
def exact(model: Llama, probe: Probe) -> float:
    """1 where every answer token is the likeliest."""
    ids = torch.tensor([probe.context + probe.cue + probe.answer[:-1]])
    hidden = model(torch.nn.functional.pad(ids, (0, -ids.shape[1] % 64)))
    begin = len(probe.context) + len(probe.cue) - 1
    best = (hidden[0, begin : begin + len(probe.answer)] @ model.embed_tokens.weight.T).argmax(-1)
    return float(best.tolist() == probe.answer)


def copied(program: Program, probe: Probe) -> float:
    """Share of the answer that greedy decoding gets right."""
    said = program.greedy(probe.context + probe.cue, len(probe.answer))
    return sum(a == b for a, b in zip(said, probe.answer)) / len(probe.answer)


def needles(model: Llama, maker: ProbeMaker, kind: str, length: int, count: int) -> dict:
    """`count` probes at each of ten depths."""
    by_depth = {}
    for step in range(10):
        depth = (step + 0.5) / 10
        probes = [maker.needle(f"needle:{kind}:{length}:{step}:{i}", kind, length - 8, depth) for i in range(count)]
        by_depth[f"{depth:.2f}"] = [exact(model, probe) for probe in probes]
    values = [v for part in by_depth.values() for v in part]
    return {"exact": shown(values), "share": sum(values) / len(values), "count": len(values),
            "by_depth": {d: sum(v) / len(v) for d, v in by_depth.items()}}


def measure(args: argparse.Namespace) -> dict:
    model, tokenizer = load(args.model, shape_of(args.model)), Tokenizer.from_file(str(args.model / "tokenizer.json"))
    maker, found = ProbeMaker(args.data, tokenizer), {"model": str(args.model), "several_length": args.several_length}
    for length in args.lengths:
        if "perplexity" in args.parts:
            found.setdefault("perplexity", {})[length] = perplexity(model, args.data, tokenizer, length, args.windows)
            say(f"perplexity {length}", found["perplexity"][length])
        for kind in KINDS if "needle" in args.parts else ():
            found.setdefault("needle", {}).setdefault(kind, {})[length] = needles(model, maker, kind, length, args.count)
            say(f"needle {kind} {length}", found["needle"][kind][length])
    if "several" in args.parts:
        for kind in KINDS[:2]:
            seeds = (f"several:{kind}:{i}" for i in range(10 * args.count))
            values = [exact(model, maker.several(seed, kind, args.several_length, 8)[0]) for seed in seeds]
            found.setdefault("several", {})[kind] = {"exact": shown(values), "share": sum(values) / len(values), "count": len(values)}
            say(f"several {kind} {args.several_length}", found["several"][kind])
    if "copying" in args.parts:
        program = Program(args.kvhost, args.model, args.threads)
        shares = [copied(program, maker.copying(f"copying:{i}", args.distance)) for i in range(6 * args.count)]
        found["copying"] = {"right": shown(shares), "share": sum(shares) / len(shares), "count": len(shares), "distance": args.distance}
        say("copying", found["copying"])
    return found


def say(what: str, values: dict) -> None:
    shown_values = (f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items() if k != "by_depth")
    print(f"{what:26}", *shown_values, flush=True)


def merged(old: dict, new: dict) -> dict:
    """`old` with what `new` says, part by part and length by length."""
    both = {key: merged(old[key], value) if isinstance(value, dict) and key in old else value for key, value in new.items()}
    return {**old, **both}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--lengths", nargs="+", type=int, default=[512, 1024, 2048, 4096])
    parser.add_argument("--several-length", type=int, default=2048)
    parser.add_argument("--distance", type=int, default=DISTANCE, help="of the copied passage, in tokens")
    parser.add_argument("--count", type=int, default=10, help="needles a depth; a tenth of `several`, a sixth of `copying`")
    parser.add_argument("--windows", type=int, default=8, help="windows a book for perplexity")
    parser.add_argument("--attention", choices=("sdpa", "kernel"), default="sdpa", help="as in train.py")
    parser.add_argument("--work", type=Path, default=Path(".cache/recipe"), help="folder for the built kernel")
    parser.add_argument("--kvhost", type=Path, default=Path("build/release/bin/kvhost"), help="the program, for copying")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file to write; what it holds of other parts and lengths stays")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.attention == "kernel":
        use_kernel(args.work)
    found = measure(args)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        old = json.loads(args.out.read_text()) if args.out.exists() else {}
        args.out.write_text(json.dumps(merged(old, json.loads(json.dumps(found))), indent=1) + "\n")


if __name__ == "__main__":
    main()
