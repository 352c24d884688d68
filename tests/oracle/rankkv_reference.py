# SPDX-License-Identifier: Apache-2.0
"""RankKV and h2o_l2 against plain NumPy: the published vectors, exact ranks and budgets, and the cheap estimator.

    .venv-oracle/bin/python tests/oracle/rankkv_reference.py [--kvhost BIN] [--model DIR] [--text FILE ...]

1. The NumPy rules reproduce the original system's published budgets (this checks the reference itself).
2. `kvhost run --dump-budgets` with the exact estimator: effective ranks equal those of transformers' eager attention
   by SVD, budgets equal the apportioned shares of those ranks, the total is exact.
3. The estimator used without a profile against the exact one on real text: rank order and the
   entries per head that go to another layer. Printed; it must order layers better than chance.
4. h2o_l2 keeps exactly what the transcribed rule keeps on the same keys.
"""

import json
import shlex
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import ROOT, Host, HostError, make_parser, print_table
from rank_rules import apportion, effective_rank, h2o_l2, seed_repair, shares, spearman
from tiny import FAMILIES, draw_tokens, load_model, make_model
from transformers import DynamicCache

EXACT = "rankkv(profile=none,estimator=exact):knorm"
CHEAP = "rankkv(profile=none):knorm"
RANK_TOLERANCE = 1e-3  # relative
STRATEGIES = ("proportional", "softmax", "adaptive", "power")

RANKS5 = [0.3, 0.5, 0.8, 0.2, 0.6]
P32 = (
    ".5855 .6866 .5519 .2612 .3971 .2411 .1333 .1961 .2304 .2545 .3314 .1719 .2160 .2018 .3358 .1394 "
    ".1931 .1157 .1618 .1550 .1407 .1563 .1598 .1718 .1249 .1460 .1224 .1722 .1972 .1346 .2324 .1542"
)
P32_AVG256 = (
    "642 753 606 287 436 265 146 215 253 280 364 188 237 222 369 152 "
    "211 126 177 169 154 171 175 188 136 160 134 188 217 147 255 169"
)
# (keyword arguments of seed_repair, published budgets)
PUBLISHED = [
    (dict(strategy="proportional"), [12, 20, 34, 8, 26]),
    (dict(strategy="softmax"), [16, 20, 27, 14, 23]),
    (dict(strategy="adaptive"), [20, 20, 30, 10, 20]),
    (dict(strategy="power"), [6, 18, 46, 4, 26]),
    (dict(max_budget=30), [13, 21, 30, 9, 26]),
    (dict(min_budget=15), [15, 18, 32, 15, 24]),
    (dict(min_budget=25), [25, 25, 27, 25, 25]),
    (dict(max_budget=15), [15, 15, 15, 15, 15]),
]


def check_published():
    rows = []
    for options, expected in PUBLISHED:
        found = seed_repair(RANKS5, 100, **options)
        rows.append(["published", str(options), "ok" if found == expected else f"FAIL {found}"])
    ties = seed_repair([0.1, 0.5, 0.5, 0.1], 11, "power", min_budget=1, power=1.0)
    rows.append(["published", "ties", "ok" if ties == [1, 5, 4, 1] else f"FAIL {ties}"])
    found = seed_repair([float(r) for r in P32.split()], 256 * 32, min_budget=32)
    worst = max(abs(a - int(b)) for a, b in zip(found, P32_AVG256.split()))
    # The original sums in float32 in a library-dependent order: one entry per layer is within its own noise.
    rows.append(["published", "32-layer profile, average 256", "ok" if worst <= 1 else f"FAIL off by {worst}"])
    return rows


def mean_attention(model, tokens):
    """Per layer the [T, T] attention averaged over query heads, float32."""
    model.set_attn_implementation("eager")
    with torch.no_grad():
        out = model(torch.tensor([tokens]), output_attentions=True, use_cache=False)
    return [layer[0].mean(0).numpy() for layer in out.attentions]


def host_budgets(host, folder, tokens, press, budget):
    args = ["run", "--model", folder, "--tokens-file", host.write_tokens(tokens), "--press", press]
    return host.run_json([*args, "--budget", budget, "--dtype", "float32", "-n", 0], "--dump-budgets")


def with_strategy(press, strategy):
    return press.replace("rankkv(", f"rankkv(strategy={strategy},", 1)


def check_exact(host, name, folder, model, tokens, strategy, budget):
    """-> one row: largest relative rank error, largest budget difference in entries, verdict."""
    exact = [effective_rank(a) for a in mean_attention(model, tokens)]
    dump, command = host_budgets(host, folder, tokens, with_strategy(EXACT, strategy), budget)
    observed = np.array([layer["observed"] for layer in dump["layers"]], dtype=float)
    found = np.array([layer["budget"] for layer in dump["layers"]])
    n_heads = model.config.num_key_value_heads
    total = budget * n_heads * len(exact)
    cap = len(tokens) * n_heads
    expected = apportion(shares(exact, strategy), total, [0] * len(exact), [cap] * len(exact))
    rank_error = float(np.abs(observed / exact - 1).max())
    off = np.abs(found - expected)
    allowed = 1 + 2 * rank_error * np.maximum(expected, 1)
    fine = rank_error <= RANK_TOLERANCE and found.sum() == total and bool((off <= allowed).all())
    verdict = "ok" if fine else f"FAIL sum {found.sum()} of {total}: {shlex.join(command)}"
    return [name, strategy, len(tokens), budget, f"{rank_error:.1e}", int(off.max()), verdict]


def check_cheap(host, folder, model, texts, tokenizer, lengths):
    rows = []
    for text in texts:
        for n_tokens in lengths:
            tokens = tokenizer.encode(read_text(text)[: n_tokens * 8]).ids[:n_tokens]
            if len(tokens) < n_tokens:
                continue
            exact = [effective_rank(a) for a in mean_attention(model, tokens)]
            budget = n_tokens // 4
            dump, _ = host_budgets(host, folder, tokens, CHEAP, budget)
            cheap = [layer["observed"] for layer in dump["layers"]]
            want = shares(exact) * budget * len(exact)
            got = np.array([layer["budget"] for layer in dump["layers"]]) / model.config.num_key_value_heads
            moved, flat = np.abs(got - want), np.abs(budget - want)
            order = spearman(exact, cheap)
            rows.append([Path(text).name, n_tokens, budget, f"{order:.2f}", f"{moved.mean():.1f}"])
            rows[-1] += [f"{moved.max():.0f}", f"{flat.mean():.1f}", "ok" if order > 0 else "FAIL"]
    return rows


def check_h2o(host, seed):
    """kvcompress's sizes as the budget; the keys come from transformers."""
    rows = []
    for n, family in enumerate(FAMILIES):
        model = make_model(family, seed + n)
        folder = tempfile.mkdtemp(prefix="kvhost-h2o-", dir=host.folder)
        model.save_pretrained(folder)
        tokens, sizes = draw_tokens(200, model.config.get_text_config().vocab_size, seed + n), dict(start=4, heavy=30, recent=40)
        cache = DynamicCache()
        with torch.no_grad():
            model.model(torch.tensor([tokens]), past_key_values=cache)
        press = "h2o_l2(start_size={start},heavy_hitter_size={heavy},recent_size={recent})".format(**sizes)
        args = ["run", "--model", folder, "--tokens-file", host.write_tokens(tokens), "--press", press]
        dump, command = host.run_json([*args, "--dtype", "float32", "-n", 0], "--dump-keep")
        wrong = 0
        for layer, found in zip(cache.layers, dump["layers"]):
            keys = layer.keys[0].numpy()
            norms = np.linalg.norm(keys.astype(np.float64), axis=-1)
            for head, expected in enumerate(h2o_l2(keys, *sizes.values())):
                only = sorted(set(expected) ^ set(found["kept"][head]))
                spread = np.ptp(norms[head, only]) if only else 0.0  # exchanged entries must have equal norms
                wrong += len(expected) != len(found["kept"][head]) or spread > 1e-5 * norms[head].max()
        rows.append([family, press, "ok" if not wrong else f"FAIL {wrong} heads: {shlex.join(command)}"])
    return rows


def default_texts():
    """The bundled prompts are the text that is always there."""
    found = sorted((ROOT / "models/demo/prompts").glob("*.json"), key=lambda f: f.name != "story.json")
    if not found:
        raise SystemExit("no text in models/demo/prompts; name one with --text FILE")
    return found


def read_text(path):
    text = Path(path).read_text(errors="replace")
    return json.loads(text)["text"] if Path(path).suffix == ".json" else text


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--model", default=str(ROOT / "models/demo"), help="a trained model with a tokenizer.json")
    parser.add_argument("--text", nargs="*", help="text files in the model's language")
    parser.add_argument("--tokens", type=int, nargs="*", default=[256, 512], help="lengths for the estimator's table")
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    print_table(["check", "case", "verdict"], published := check_published())
    host, exact = Host(args.kvhost), []
    from tokenizers import Tokenizer

    tokenizer, demo = Tokenizer.from_file(str(Path(args.model) / "tokenizer.json")), load_model(args.model)
    texts = args.text or default_texts()
    try:
        for n, strategy in enumerate(STRATEGIES):
            tokens = tokenizer.encode(read_text(texts[0])).ids[: 120 + 60 * n]
            exact.append(check_exact(host, "demo", args.model, demo, tokens, strategy, 40 + n))
        print_table(["model", "strategy", "tokens", "budget", "rank error", "entries off", "verdict"], exact)
        cheap = check_cheap(host, args.model, demo, texts, tokenizer, args.tokens)
        header = ["text", "tokens", "budget", "Spearman", "entries off: mean", "max", "uniform's mean", "verdict"]
        print_table(header, cheap)
        print_table(["model", "h2o_l2", "verdict"], h2o := check_h2o(host, args.seed))
    except HostError as error:
        raise SystemExit(f"FAIL {error}") from error
    failed = not cheap or any(str(row[-1]).startswith("FAIL") for row in [*published, *exact, *cheap, *h2o])
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
