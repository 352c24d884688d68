# SPDX-License-Identifier: Apache-2.0
"""Runs kvhost and kvpress on the same freshly drawn checkpoints and prompts and compares what they kept.

    .venv-oracle/bin/python tests/oracle/kept_compare.py [--seed N] [--kvhost BIN] [--json OUT]

Weights, tokens, lengths and budgets are drawn from the seed, which is printed; without --seed it is a new one each
time. float32, equal counts (--budget). Exit 1 on any difference that a tie within 1e-5 (see ties.tie_width) does not
explain. A wrong method name or a crash counts as a difference. Where the peer refuses a prompt (within its window, say),
kvhost must still run; such cases are counted apart.
"""

import json
import random
import shlex
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from common import Host, HostError, make_parser, print_table
from presses import METHODS, OWN_BUDGET, WINDOW, run_peer
from replay_tokens import write_tokenizer
from resources import write_resources
from ties import REL, tie_width, verdict
from tiny import FAMILIES, draw_tokens, make_model
from wrapper_presses import WRAPPERS, fitted, own_total, spelled

OUTCOMES = ["identical", "tied", "by design", "refused", "different"]


class AtOnce:
    """An executor without threads: a job runs when it is handed in."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *args):
        future = Future()
        try:
            future.set_result(function(*args))
        except HostError as error:
            future.set_exception(error)
        return future


def draw_lengths(rng):
    """Below the window, exactly the window, odd, a power of two, and long."""
    return [rng.randint(5, WINDOW - 1), WINDOW, 2 * rng.randint(35, 63) + 1, 128, rng.randint(250, 420)]


def draw_budgets(rng, n_tokens):
    if n_tokens <= WINDOW:
        return sorted(rng.sample(range(1, n_tokens), 3))
    low = WINDOW + 1
    thirds = [low + (n_tokens - 1 - low) * k // 3 for k in range(4)]
    return [rng.randint(thirds[k], max(thirds[k], thirds[k + 1] - 1)) for k in range(3)]


def host_kept(host, folder, tokens_file, spec, budget):
    args = ["run", "--model", folder, "--tokens-file", tokens_file, "--press", spec]
    args += [] if budget is None else ["--budget", budget]
    args += ["--dtype", "float32", "--threads", 1, "-n", 0]
    dump, command = host.run_json(args, "--dump-keep")
    return [layer["kept"] for layer in dump["layers"]], command


def host_request(model, spec, budget):
    """What kvhost is asked where the peer has no answer."""
    text = spelled(spec, model.config.num_hidden_layers) if spec in WRAPPERS else spec
    return text, None if own_total(spec) else budget


def judge(ours, peer, command, rel):
    """-> (outcome of the worst layer, reason with the command)."""
    if len(ours) != len(peer.layers):
        return "different", f"{len(ours)} layers dumped, {len(peer.layers)} expected"
    worst = "identical"
    for index, (kept, layer) in enumerate(zip(ours, peer.layers)):
        outcome, reason = verdict(kept, layer, rel)
        if outcome == "different":
            return outcome, f"layer {index}: {reason}\n  {shlex.join(command)}"
        worst = "tied" if outcome == "tied" else worst
    return worst, ""


def settle(job, peer, rel):
    """The verdict on one case; runs the peer again where the last digits of scores may have decided."""
    try:
        ours, command = job.result()
    except HostError as error:
        return "different", str(error)
    if peer.refused:
        return "refused", peer.refused
    outcome, reason = judge(ours, peer, command, rel)
    if outcome == "different" and peer.judge:
        peer.judge(rel)
        outcome, reason = judge(ours, peer, command, rel)
    return ("by design", peer.by_design) if outcome == "different" and peer.by_design else (outcome, reason)


def draw_cases(rng, vocab_size, specs, n_cases):
    """Yields (tokens, spec, budget): per row every length and budget, or n_cases of them."""
    prompts = [draw_tokens(n, vocab_size, rng.randrange(1 << 30)) for n in draw_lengths(rng)]
    points = [(tokens, budget, nth) for tokens in prompts for nth, budget in enumerate(draw_budgets(rng, len(tokens)))]
    for spec in specs:
        fit = [p for p in points if not ((own_total(spec) or spec in OWN_BUDGET) and p[2] > 0)]  # it would be the same case again
        for tokens, budget, _ in rng.sample(fit, min(n_cases, len(fit))):
            n, n_kept = fitted(spec, len(tokens), budget)
            yield tokens[:n], spec, min(n_kept, n - 1)


def compare_model(host, pool, family, seed, specs, n_cases, rel):
    """All methods, lengths and budgets on one checkpoint -> {spec: Counter}, [(family, spec, outcome, reason)]."""
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix=f"kvhost-{family}-", dir=host.folder))
    model = make_model(family, seed)
    model.save_pretrained(folder)
    model.config.name_or_path = str(folder)
    write_resources(folder, model.config, seed)
    write_tokenizer(folder, model.config.get_text_config().vocab_size)
    jobs = []
    for tokens, spec, budget in draw_cases(rng, model.config.get_text_config().vocab_size, specs, n_cases):
        peer = run_peer(model, tokens, spec, budget)
        if peer.refused:
            peer.press, peer.budget = host_request(model, spec, budget)
        tokens_file = host.write_tokens(tokens)
        width = tie_width(spec, len(tokens), rel)
        jobs.append((spec, peer, width, pool.submit(host_kept, host, folder, tokens_file, peer.press, peer.budget)))
    counts, reasons = defaultdict(Counter), []
    for spec, peer, width, job in jobs:
        outcome, reason = settle(job, peer, width)
        counts[spec][outcome] += 1
        if reason:
            reasons.append((family, spec, outcome, reason))
    return counts, reasons


def report(reasons):
    """Prints every difference in full, and every way the peer refuses once."""
    for family, spec, outcome, reason in reasons:
        if outcome == "different":
            print(f"\nDIFFERENT {family} {spec}: {reason}")
    refusals = Counter((spec, reason) for _, spec, outcome, reason in reasons if outcome == "refused")
    if refusals:
        print("\nThe peer refuses:")
        print_table(["method", "cases", "why"], sorted((s, n, why[:90]) for (s, why), n in refusals.items()))


def merge_rows(path, seed, rows):
    """Writes the rows with their seed; those of the same method and model that `path` holds are replaced."""
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    table = {(row["method"], row["model"]): row for row in old}
    table.update({(row["method"], row["model"]): {**row, "seed": seed} for row in rows})
    lines = ",\n".join(json.dumps(table[key]) for key in sorted(table))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"rows":[\n' + lines + "\n]}\n")


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--models", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    # A renumbered cache does not say which tokens it holds: phase_compare.py holds those rows against the peer.
    comparable = [spec for spec in METHODS if not (spec in WRAPPERS and WRAPPERS[spec].renumbers)]
    parser.add_argument("--methods", nargs="*", default=comparable, help="kvhost compositions from presses.METHODS")
    parser.add_argument("--cases", type=int, default=15, help="per method and model; 15 is every length and budget")
    parser.add_argument("--tie", type=float, default=REL, help="relative width of a tie")
    parser.add_argument("--workers", type=int, default=2, help="0: one thing at a time")
    parser.add_argument("--json", help="merge the table into this file as well")
    args = parser.parse_args()
    host, rows, reasons = Host(args.kvhost), [], []
    print(f"seed {args.seed}")
    with ThreadPoolExecutor(args.workers) if args.workers else AtOnce() as pool:
        for n, family in enumerate(args.models):
            counts, found = compare_model(host, pool, family, args.seed + n, args.methods, args.cases, args.tie)
            reasons += found
            for spec in args.methods:
                c = counts[spec]
                rows.append([spec, family, c.total(), *(c[outcome] for outcome in OUTCOMES)])
    header = ["method", "model", "cases", *OUTCOMES]
    print_table(header, sorted(rows))
    report(reasons)
    if args.json:
        merge_rows(Path(args.json), args.seed, [dict(zip(header, r)) for r in rows])
    raise SystemExit(1 if any(outcome == "different" for _, _, outcome, _ in reasons) else 0)


if __name__ == "__main__":
    main()
