# SPDX-License-Identifier: Apache-2.0
"""What follows after a cut, against kvpress: re-rotated keys, and methods that cut while tokens are generated.

    .venv-oracle/bin/python tests/oracle/phase_compare.py [--kvhost BIN] [--seed N] [--json OUT]

Both sides read the same random continuation, token by token; log-probabilities must agree within 1e-3. After
re-rotation positions go on from the compressed length. CaM's draws are those of kvhost (seed, layer, head, position).
Exit 1 above the tolerance.
"""

import json
import random
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch
from common import Host, HostError, make_parser, print_table
from kvpress import (
    DecodingPress,
    KeyDiffPress,
    KeyRerotationPress,
    KnormPress,
    SnapKVPress,
    StreamingLLMPress,
    TOVAPress,
)
from kvpress.presses.cam_press import CAMPress
from peer_result import WINDOW, ratio_for
from resources import write_resources
from scorer_presses import QFilter
from tiny import FAMILIES, draw_tokens, load_model, make_model
from transformers import DynamicCache

TOLERANCE = 1e-3
N_CONTEXT, N_FOLLOW, BUDGET, EVERY = 90, 40, 40, 8
MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Row:
    build: Callable  # () -> press
    rotates: bool = False  # cuts after the prefill and renumbers; else it cuts while decoding


def rotation(inner: Callable) -> Row:
    ratio = ratio_for(BUDGET, N_CONTEXT)
    return Row(lambda: KeyRerotationPress(inner(compression_ratio=ratio)), rotates=True)


def decoding(inner: Callable) -> Row:
    return Row(lambda: DecodingPress(inner(), compression_interval=EVERY, target_size=BUDGET))


def cam(inner: Callable, merge_budget: int) -> Row:
    settings = dict(compression_interval=EVERY, target_size=BUDGET, merge_budget=merge_budget)
    return Row(lambda: CAMPress(inner(), **settings))


def snap(**settings) -> SnapKVPress:
    return SnapKVPress(window_size=WINDOW, **settings)


ROWS = {
    "key_rerotation:knorm": rotation(KnormPress),
    "key_rerotation:streaming_llm": rotation(StreamingLLMPress),
    f"key_rerotation:snapkv(window_size={WINDOW})": rotation(snap),
    "decode knorm": decoding(KnormPress),
    "decode keydiff": decoding(KeyDiffPress),
    "decode qfilter": decoding(QFilter),
    "decode tova": decoding(TOVAPress),
    "decode cam(merge_budget=4):head_mean:knorm": cam(KnormPress, 4),
    "decode cam:head_mean:keydiff": cam(KeyDiffPress, 32),
    "decode cam(merge_budget=1):head_mean:tova": cam(TOVAPress, 1),
}


def mix64(x: int) -> int:
    """SplitMix64, as sdk/include/kvhost/maths.hpp has it."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def uniform(seed: int, *counters: int) -> float:
    bits = mix64(seed)
    for counter in counters:
        bits = mix64(bits ^ counter)
    return (bits >> 40) * 2.0**-24


class Draws:
    """Stands in for torch.bernoulli while CaM cuts: slots are traced back to positions."""

    def __init__(self, seed: int):
        self.seed, self.layer, self.positions = seed, 0, {}

    def enter(self, layer: int, n_slots: int, n_seen: int) -> None:
        """Before a layer is cut: the slots that joined since hold the newest positions."""
        held = self.positions.setdefault(layer, [])
        held += range(n_seen - (n_slots - len(held)), n_seen)
        self.layer = layer

    def searchsorted(self, kept: torch.Tensor, merged: torch.Tensor, right: bool) -> torch.Tensor:
        held = self.positions[self.layer]
        self.merged = [held[slot] for slot in merged[0].tolist()]
        self.positions[self.layer] = [held[slot] for slot in kept[0].tolist()]
        return ORIGINAL_SEARCH(kept, merged, right=right)

    def bernoulli(self, probability: torch.Tensor) -> torch.Tensor:
        """probability: [1, n_kv_heads, n_merged]"""
        drawn = [
            [uniform(self.seed, self.layer, head, position) for position in self.merged]
            for head in range(probability.shape[1])
        ]
        return (torch.tensor(drawn)[None] < probability).to(probability.dtype)


ORIGINAL_SEARCH = torch.searchsorted


def inject(press: CAMPress, draws: Draws, clock: list) -> None:
    """Shadows press.compress: draws know which layer is cut, and how many tokens were seen."""
    original = press.compress

    def compress(module, hidden_states, keys, *rest):
        draws.enter(int(module.layer_idx), keys.shape[2], clock[0])
        with mock.patch("torch.searchsorted", draws.searchsorted), mock.patch("torch.bernoulli", draws.bernoulli):
            return original(module, hidden_states, keys, *rest)

    press.compress = compress


def peer_log_probs(model, context: list, follow: list, row: Row) -> torch.Tensor:
    """Log-probability of each token of `follow`, read one by one under the row's press."""
    press, cache, found, clock = row.build(), DynamicCache(), [], [len(context)]
    if isinstance(press, CAMPress):
        inject(press, Draws(seed=0), clock)
    with torch.no_grad(), press(model):
        logits = model(torch.tensor([context]), past_key_values=cache).logits
        position = cache.get_seq_length() if row.rotates else len(context)
        for token in follow:
            found.append(float(logits[0, -1].log_softmax(-1)[token]))
            clock[0] += 1
            where = torch.tensor([[position]])
            logits = model(torch.tensor([[token]]), past_key_values=cache, position_ids=where).logits
            position += 1
    return torch.tensor(found)


def host_log_probs(host: Host, folder: Path, context: list, follow: list, spec: str) -> tuple[torch.Tensor, list]:
    args = ["score", "--model", folder, "--tokens-file", host.write_tokens(context), "--dtype", "float32"]
    args += ["--continuation-file", host.write_tokens(follow), "--block", 1, "--threads", 1]
    if spec.startswith("decode "):
        args += ["--press", "none", "--decode-press", spec.removeprefix("decode ")]
        args += ["--decode-every", EVERY, "--decode-budget", BUDGET]
    else:
        args += ["--press", spec, "--budget", BUDGET]
    score, command = host.run_json(args, "--json")
    return torch.tensor(score["logprobs"]), command


def compare(host: Host, folder: Path, model, spec: str, seed: int) -> tuple[float, str]:
    """-> (largest absolute error, "" or what went wrong)."""
    tokens = draw_tokens(N_CONTEXT + N_FOLLOW, model.config.vocab_size, seed)
    context, follow = tokens[:N_CONTEXT], tokens[N_CONTEXT:]
    expected = peer_log_probs(model, context, follow, ROWS[spec])
    try:
        found, command = host_log_probs(host, folder, context, follow, spec)
    except HostError as error:
        return float("inf"), str(error)
    error = float((found - expected).abs().max())
    return error, "" if error <= TOLERANCE else shlex.join(command)


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--models", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--methods", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--json", help="write the table here as well")
    args = parser.parse_args()
    host, rows, problems = Host(args.kvhost), [], []
    print(f"seed {args.seed}, tolerance {TOLERANCE} on log-probabilities, float32")
    for n, family in enumerate(args.models):
        folder = Path(tempfile.mkdtemp(prefix=f"kvhost-{family}-", dir=host.folder))
        make_model(family, args.seed + n).save_pretrained(folder)
        model = load_model(folder)
        write_resources(folder, model.config)
        for spec in args.methods:
            error, problem = compare(host, folder, model, spec, args.seed + n)
            rows.append([spec, family, N_FOLLOW, f"{error:.1e}", "FAIL" if problem else "ok"])
            print(*rows[-1], flush=True)
            if problem:
                problems.append(f"FAIL {family} {spec}: {problem}")
    header = ["method", "model", "scored", "max |error|", "verdict"]
    print_table(header, sorted(rows))
    print("\n".join(problems[:12]))
    if args.json:
        table = [dict(zip(header, row)) for row in sorted(rows)]
        Path(args.json).write_text(json.dumps({"seed": args.seed, "rows": table}, indent=0) + "\n")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
