# SPDX-License-Identifier: Apache-2.0
"""Runs kvhost and kvpress on the same freshly drawn checkpoints and prompts and compares what they kept.

    .venv-oracle/bin/python tests/oracle/kept_compare.py [--seed N] [--kvhost BIN] [--json OUT]

Weights, tokens, lengths and budgets are drawn from the seed, which is printed; without --seed it is a new one each
time. float32, equal counts (--budget). Exit 1 on any difference that a tie within 1e-5 does not explain. A wrong
method name or a crash counts as a difference.
"""

import json
import random
import shlex
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import Host, HostError, make_parser, print_table
from presses import METHODS, WINDOW, run_peer
from resources import write_resources
from ties import REL, verdict
from tiny import FAMILIES, draw_tokens, make_model


def draw_lengths(rng):
    """Short, odd, a power of two and long: four lengths, all above the window."""
    return [rng.randint(WINDOW + 8, 63), rng.randint(70, 127), 128, rng.randint(250, 420)]


def draw_budgets(rng, n_tokens):
    low = WINDOW + 1
    thirds = [low + (n_tokens - 1 - low) * k // 3 for k in range(4)]
    return [rng.randint(thirds[k], max(thirds[k], thirds[k + 1] - 1)) for k in range(3)]


def host_kept(host, folder, tokens_file, spec, budget):
    args = ["run", "--model", folder, "--tokens-file", tokens_file, "--press", spec, "--budget", budget]
    args += ["--dtype", "float32", "--threads", 1, "-n", 0]
    dump, command = host.run_json(args, "--dump-keep")
    return [layer["kept"] for layer in dump["layers"]], command


def compare_case(host, folder, tokens_file, spec, budget, peer, rel):
    """-> (outcome of the worst layer, reason with the command)."""
    try:
        ours, command = host_kept(host, folder, tokens_file, spec, budget)
    except HostError as error:
        return "different", str(error)
    if len(ours) != len(peer.layers):
        return "different", f"{len(ours)} layers dumped, {len(peer.layers)} expected"
    worst = "identical"
    for index, (kept, layer) in enumerate(zip(ours, peer.layers)):
        outcome, reason = verdict(kept, layer, rel)
        if outcome == "different":
            return outcome, f"layer {index}: {reason}\n  {shlex.join(command)}"
        worst = "tied" if outcome == "tied" else worst
    return worst, ""


def compare_model(host, pool, family, seed, specs, rel):
    """All methods, lengths and budgets on one checkpoint -> {spec: Counter}, [differences]."""
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix=f"kvhost-{family}-", dir=host.folder))
    model = make_model(family, seed)
    model.save_pretrained(folder)
    model.config.name_or_path = str(folder)
    write_resources(folder, model.config, seed)
    jobs = []
    for n_tokens in draw_lengths(rng):
        tokens = draw_tokens(n_tokens, model.config.vocab_size, rng.randrange(1 << 30))
        tokens_file = host.write_tokens(tokens)
        for budget in draw_budgets(rng, n_tokens):
            for spec in specs:
                peer = run_peer(model, tokens, METHODS[spec], budget)
                assert not peer.refused, peer.refused
                jobs.append((spec, pool.submit(compare_case, host, folder, tokens_file, spec, budget, peer, rel)))
    counts, differences = defaultdict(Counter), []
    for spec, job in jobs:
        outcome, reason = job.result()
        counts[spec][outcome] += 1
        if outcome == "different":
            differences.append((family, spec, reason))
    return counts, differences


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--models", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--methods", nargs="*", default=list(METHODS), help="kvhost compositions from presses.METHODS")
    parser.add_argument("--tie", type=float, default=REL, help="relative width of a tie")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", help="write the table here as well")
    args = parser.parse_args()
    host, rows, differences = Host(args.kvhost), [], []
    print(f"seed {args.seed}")
    with ThreadPoolExecutor(args.workers) as pool:
        for n, family in enumerate(args.models):
            counts, found = compare_model(host, pool, family, args.seed + n, args.methods, args.tie)
            differences += found
            for spec in args.methods:
                c = counts[spec]
                rows.append([spec, family, c.total(), c["identical"], c["tied"], c["different"]])
    header = ["method", "model", "cases", "identical", "tied", "different"]
    print_table(header, sorted(rows))
    for family, spec, reason in differences[:10]:
        print(f"\nDIFFERENT {family} {spec}: {reason}")
    if args.json:
        Path(args.json).write_text(json.dumps({"seed": args.seed, "rows": [dict(zip(header, r)) for r in rows]}))
    raise SystemExit(1 if differences else 0)


if __name__ == "__main__":
    main()
