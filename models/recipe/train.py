# SPDX-License-Identifier: Apache-2.0
"""Trains one stage against the clock; can be stopped (Ctrl-C, SIGTERM, SIGSTOP) and started again at any time.

    train.py --stage base --shape demo --tokenizer DIR/tokenizer.json --minutes 65 --run .cache/recipe/base
    train.py --stage long --shape demo --from FOLDER --minutes 95 --run .cache/recipe/long

The end is fixed when a run first starts (--minutes, or --until HH:MM; a later --until moves it); rates and row lengths follow the clock between
start and end, so a machine that is busy with other things gives a shorter training, never a later one. The run's folder
holds checkpoint.pt (weights, optimisers, step), log.jsonl, and hf/, a Hugging Face folder written with each checkpoint.
Rows are drawn from the seed and the step's number alone, so a continued run goes on with the rows it would have seen.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import time
from datetime import datetime
from pathlib import Path

import corpus
import matching
import numpy as np
import torch
from attention import use_kernel
from induction import initialise
from loss import weighted_loss
from model import SHAPES, Llama
from muon import optimisers, set_rates
from rows import AGAIN, RowMaker
from stages import STAGES
from tokenizers import Tokenizer
from weights import load, save


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=sorted(STAGES), required=True)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="demo")
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the log")
    parser.add_argument("--from", dest="start", type=Path, help="Hugging Face folder to start from; else structured init")
    parser.add_argument("--tokenizer", type=Path, help="tokenizer.json (default: that of --from)")
    parser.add_argument("--minutes", type=float, help="length of the run")
    parser.add_argument("--until", help="end of the run today, HH:MM, instead of --minutes")
    parser.add_argument("--save-every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--attention", choices=("sdpa", "kernel"), default="sdpa",
                        help="PyTorch's, or attention.cpp: 2.4 times as fast where the processor has AVX-512 bf16")
    args = parser.parse_args()
    if args.tokenizer is None and args.start is None:
        parser.error("--tokenizer FILE or --from FOLDER is needed")
    args.tokenizer = args.tokenizer or args.start / "tokenizer.json"
    return args


def end_of(args: argparse.Namespace, now: float) -> float:
    """The run's end, in seconds since the epoch."""
    if args.until:
        hour, minute = map(int, args.until.split(":"))
        return datetime.fromtimestamp(now).replace(hour=hour, minute=minute, second=0).timestamp()
    if args.minutes:
        return now + 60 * args.minutes
    raise SystemExit("train.py: --minutes N or --until HH:MM must say when the run ends")


def batch(maker: RowMaker, args: argparse.Namespace, step: int, progress: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The rows of one step as (ids, weights), in micro-batches of at most 4096 tokens."""
    rng = random.Random(f"{args.seed}:{step}")
    stage = STAGES[args.stage]
    phase, length = stage.phase(progress), stage.length(rng, progress)
    rows = [maker.draw(rng, length + 1, phase.mix) for _ in range(max(1, phase.step_tokens // length))]
    each = max(1, 4096 // length)
    parts = [rows[i : i + each] for i in range(0, len(rows), each)]
    return [(torch.tensor([r[0] for r in p]), torch.tensor([r[1] for r in p])) for p in parts]


class Run:
    """One run: model, optimisers, position, and where they are kept."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.shape = args, SHAPES[args.shape]
        args.run.mkdir(parents=True, exist_ok=True)
        tokenizer = Tokenizer.from_file(str(args.tokenizer))
        texts = [corpus.tokens(args.data, tokenizer, args.run.parent / "tokens", s) for s in corpus.SOURCES]
        self.maker = RowMaker(tokenizer, np.concatenate(texts[:2]), texts[2])
        self.model = load(args.start, self.shape) if args.start else initialise(Llama(self.shape), args.seed)
        stage = STAGES[args.stage]
        self.optimisers = optimisers(self.model, stage.muon_lr, stage.adam_lr)
        self.step, self.tokens, self.started = 0, 0, time.time()
        self.end = end_of(args, self.started)
        self.checkpoint = args.run / "checkpoint.pt"
        if self.checkpoint.exists():
            self.resume()

    def resume(self) -> None:
        kept = torch.load(self.checkpoint, weights_only=True)
        self.model.load_state_dict(kept["model"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(kept[name])
        self.step, self.tokens, self.started = (kept[k] for k in ("step", "tokens", "started"))
        self.end = self.end if self.args.until else kept["end"]
        print(f"continues at step {self.step}, {self.tokens / 1e6:.2f}M tokens", flush=True)

    def keep(self) -> None:
        """Checkpoint and Hugging Face folder, each replaced in one move."""
        state = {name: o.state_dict() for name, o in self.optimisers.items()}
        state |= {"model": self.model.state_dict(), "step": self.step, "tokens": self.tokens,
                  "started": self.started, "end": self.end}
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)
        save(self.model, self.args.tokenizer, self.args.run / "hf")

    def progress(self) -> float:
        return min(1.0, (time.time() - self.started) / (self.end - self.started))

    def train_step(self, progress: float) -> dict:
        """One step of both optimisers; what the log says of it."""
        stage, begun = STAGES[self.args.stage], time.time()
        rate = stage.rate(progress)
        set_rates(self.optimisers, stage.muon_lr * rate, stage.adam_lr * rate, stage.momentum(progress))
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(stage.phase(progress).trains(name))
        parts = batch(self.maker, self.args, self.step, progress)
        total = sum(float(weights[:, 1:].sum()) for _, weights in parts)
        plain, answers, again, seen = [], [], [], 0
        for ids, weights in parts:
            target, weight = ids[:, 1:], weights[:, 1:]
            loss, losses = weighted_loss(self.model(ids[:, :-1]), self.model.embed_tokens.weight, target, weight / total)
            loss.backward()
            flat = weight.reshape(-1)[weight.reshape(-1) != 0]
            plain.append(losses[flat == 1.0])
            answers.append(losses[flat >= 4.0])
            again.append(losses[flat == AGAIN])
            seen += target.numel()
        found = self.match(stage.matching) if stage.matching else {}
        torch.nn.utils.clip_grad_norm_(self.optimisers["adam"].param_groups[0]["params"], 1.0)
        for optimiser in self.optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step, self.tokens = self.step + 1, self.tokens + seen
        mean = lambda values: round(float(torch.cat(values).mean()), 4) if torch.cat(values).numel() else None
        return {"step": self.step, "tokens": self.tokens, "progress": round(progress, 4), "rate": round(rate, 4),
                "length": ids.shape[1] - 1, "loss": mean(plain), "answers": mean(answers), "again": mean(again),
                **found, "tokens_per_s": round(seen / (time.time() - begun))}

    def match(self, weight: float) -> dict:
        """The gradients of matching.py's loss of one row, and how often its heads look at the right token."""
        rng = random.Random(f"matching:{self.args.seed}:{self.step}")
        row = matching.repeats(self.maker.books, rng, rng.choice(matching.LENGTHS))
        losses, share = matching.losses(self.model, row)
        (weight * losses.mean()).backward()
        return {"found": round(share, 3)}


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    run = Run(args)
    if args.attention == "kernel":
        use_kernel(args.run)
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, frame: stop.append(got))
    saved = time.time()
    with open(args.run / "log.jsonl", "a") as log:
        while not stop and (progress := run.progress()) < 1.0:
            line = run.train_step(progress)
            if line["loss"] is not None and not math.isfinite(line["loss"]):
                raise SystemExit(f"train.py: loss is {line['loss']} at step {run.step}; the last checkpoint is kept")
            print(datetime.now().strftime("%H:%M:%S"), *(f"{k} {v}" for k, v in line.items()), flush=True)
            log.write(json.dumps(line) + "\n")
            log.flush()
            if time.time() - saved > args.save_every:
                run.keep()
                saved = time.time()
    run.keep()
    print(f"{'stopped' if stop else 'done'}: {run.step} steps, {run.tokens / 1e6:.2f}M tokens, {args.run / 'hf'}")


if __name__ == "__main__":
    main()
