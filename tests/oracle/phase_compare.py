# SPDX-License-Identifier: Apache-2.0
"""What follows after a cut, against kvpress: re-rotated keys, pruned key channels, merged values, cuts while generating.

    .venv-oracle/bin/python tests/oracle/phase_compare.py [--kvhost BIN] [--seed N] [--json OUT]

Both sides read the same random continuation, token by token; log-probabilities must agree within 1e-3. After
re-rotation positions go on from the compressed length. CaM's draws are those of kvhost (seed, layer, head, position).
*tied*: kvpress's own log-probabilities move as far when its scores are off by 1e-6, so entries at a cut are equal. Exit
1 above the tolerance otherwise.
"""

import random
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from cam_draws import Draws, inject
from common import Host, HostError, make_parser, print_table
from kept_compare import merge_rows
from kvpress import (
    ComposedPress,
    DecodingPress,
    KeyDiffPress,
    KeyRerotationPress,
    KnormPress,
    MergingPress,
    SnapKVPress,
    StreamingLLMPress,
    ThinKPress,
    TOVAPress,
)
from kvpress.presses.cam_press import CAMPress
from peer_result import REFUSALS, WINDOW, ratio_for, refusal
from resources import write_resources
from scorer_presses import QFilter
from tiny import FAMILIES, draw_tokens, load_model, make_model
from transformers import DynamicCache
from wrapper_presses import SHAKES, inner_scorers, shake_scores

TOLERANCE = 1e-3
SHAKE, LOUDER = 1e-6, 5  # relative; times its own noise: what no tie explains
N_CONTEXT, N_FOLLOW, BUDGET, EVERY = 90, 40, 40, 8


@dataclass(frozen=True)
class Row:
    build: Callable  # () -> press
    rotates: bool = False  # renumbers: positions go on from the compressed length


def rotation(inner: Callable) -> Row:
    ratio = ratio_for(BUDGET, N_CONTEXT)
    return Row(lambda: KeyRerotationPress(inner(compression_ratio=ratio)), rotates=True)


def merging(inner: Callable, **settings) -> Row:
    ratio = ratio_for(BUDGET, N_CONTEXT)
    return Row(lambda: MergingPress(inner(compression_ratio=ratio), **settings))


def think(inner: Callable, ratio: float) -> Row:
    cut = inner(compression_ratio=ratio_for(BUDGET, N_CONTEXT))
    prune = ThinKPress(key_channel_compression_ratio=ratio, window_size=WINDOW)
    return Row(lambda: ComposedPress([cut, prune]))


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
    "merging:knorm": merging(KnormPress),
    f"merging(similarity_threshold=0.1):snapkv(window_size={WINDOW})": merging(snap, similarity_threshold=0.1),
    "merging(merge_fraction=0.3):keydiff": merging(KeyDiffPress, merge_fraction=0.3),
    f"knorm+think(window_size={WINDOW})": think(KnormPress, 0.5),
    f"snapkv(window_size={WINDOW})+think(window_size={WINDOW},key_channel_compression_ratio=0.3)": think(snap, 0.3),
    "decode knorm": decoding(KnormPress),
    "decode keydiff": decoding(KeyDiffPress),
    "decode qfilter": decoding(QFilter),
    "decode tova": decoding(TOVAPress),
    "decode cam(merge_budget=4):head_mean:knorm": cam(KnormPress, 4),
    "decode cam:head_mean:keydiff": cam(KeyDiffPress, 32),
    "decode cam(merge_budget=1):head_mean:tova": cam(TOVAPress, 1),
}


def peer_log_probs(model, context: list, follow: list, row: Row, shake: tuple | None = None) -> torch.Tensor:
    """Log-probability of each token of `follow`, read one by one under the row's press."""
    press, cache, found, clock = row.build(), DynamicCache(), [], [len(context)]
    for scorer in inner_scorers(getattr(press, "base_press", press)) if shake else []:
        shake_scores(scorer, *shake)
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


def own_noise(model, context: list, follow: list, row: Row, truth: torch.Tensor) -> float:
    """How far the peer's own log-probabilities move with scores that are off by a millionth."""
    shaken = [peer_log_probs(model, context, follow, row, (*shake, SHAKE)) for shake in SHAKES]
    return max(float((other - truth).abs().max()) for other in shaken)


def compare(host: Host, folder: Path, model, spec: str, seed: int) -> tuple[float, str, str]:
    """-> (largest absolute error, verdict, the command where it failed)."""
    tokens = draw_tokens(N_CONTEXT + N_FOLLOW, model.config.get_text_config().vocab_size, seed)
    context, follow = tokens[:N_CONTEXT], tokens[N_CONTEXT:]
    try:
        expected = peer_log_probs(model, context, follow, ROWS[spec])
    except REFUSALS as refused:  # kvpress has no answer for this family
        return float("nan"), f"refused by the peer: {refusal(refused)}", ""
    try:
        found, command = host_log_probs(host, folder, context, follow, spec)
    except HostError as error:
        return float("inf"), "FAIL", str(error)
    error = float((found - expected).abs().max())
    if error <= TOLERANCE:
        return error, "ok", ""
    if error <= LOUDER * own_noise(model, context, follow, ROWS[spec], expected):
        return error, "tied", ""
    return error, "FAIL", shlex.join(command)


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--models", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--methods", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--json", help="merge the table into this file as well")
    args = parser.parse_args()
    host, rows, problems = Host(args.kvhost), [], []
    print(f"seed {args.seed}, tolerance {TOLERANCE} on log-probabilities, float32")
    for n, family in enumerate(args.models):
        folder = Path(tempfile.mkdtemp(prefix=f"kvhost-{family}-", dir=host.folder))
        make_model(family, args.seed + n).save_pretrained(folder)
        model = load_model(folder)
        write_resources(folder, model.config)
        for spec in args.methods:
            error, verdict, problem = compare(host, folder, model, spec, args.seed + n)
            rows.append([spec, family, N_FOLLOW, f"{error:.1e}", verdict])
            print(*rows[-1], flush=True)
            if problem:
                problems.append(f"FAIL {family} {spec}: {problem}")
    header = ["method", "model", "scored", "max |error|", "verdict"]
    print_table(header, sorted(rows))
    print("\n".join(problems[:12]))
    if args.json:
        merge_rows(Path(args.json), args.seed, [dict(zip(header, row)) for row in rows])
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
