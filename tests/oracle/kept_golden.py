# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/kept/<model>.json, <model>.wrappers.json and <model>.passes.json: what kvpress keeps on tiny float32 checkpoints.

    .venv-oracle/bin/python tests/oracle/kept_golden.py [--methods ROW ...]     the others' cases stay as they are

Every case holds the composition as kvhost spells it, the prompt (by length: the first n of "tokens"), the budget in
entries per head, and per layer and KV head the ascending kept positions. "cut" is the smallest kept score, "tied" the
positions within 1e-5 (relative; see tie_width) of it when the choice among them is the arithmetic's: there either set is right.
"""

import argparse
import json
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from common import ROOT, print_table
from pass_presses import PASSES
from presses import METHODS, OWN_BUDGET, WINDOW, run_peer
from resources import write_resources
from ties import REL, cut_scores, tie_width, tied_positions
from tiny import draw_tokens, load_model
from wrapper_presses import WRAPPERS, fitted, own_total

LENGTHS = [7, WINDOW, 64, 129, 333]  # below the window, exactly it, a power of two, odd
MODELS = ["llama_gqa", "llama_mha", "qwen2", "qwen3"]
POINTS = [(64, 17), (64, 40), (129, 57)]  # of wrappers: (n_tokens, entries per head)


def budgets_for(n_tokens):
    """A quarter, a half and three quarters; never inside the window, where the peer's choice is unspecified."""
    if n_tokens <= WINDOW:
        return [n_tokens - 3, n_tokens - 2, n_tokens - 1]
    return sorted({max(WINDOW + 1, n_tokens * k // 4) for k in (1, 2, 3)})


def compact_layer(layer, rel):
    if layer.scores is None:
        entry, tied = {"kept": layer.kept}, layer.unsure
    else:
        entry = {"kept": layer.kept, "cut": [float(f"{c:.7g}") for c in cut_scores(layer)]}
        tied = tied_positions(layer, rel)
    if any(tied):
        entry["tied"] = tied
    return entry


def golden_case(model, spec, tokens, budget):
    case = {"press": spec, "n_tokens": len(tokens), "budget": budget}
    result = run_peer(model, tokens, spec, budget)
    if result.refused:
        return {**case, "refused": result.refused}
    if result.by_design:
        return None
    case.update(press=result.press, budget=result.budget)
    if result.judge:
        result.judge(REL)
    rel = tie_width(spec, len(tokens))
    return {**case, "layers": [compact_layer(layer, rel) for layer in result.layers]}


def base_cases(model, tokens, wanted):
    """Rows that are no wrappers, at every length and budget."""
    rows = [spec for spec in wanted if spec not in WRAPPERS and spec not in OWN_BUDGET and spec not in PASSES]
    for n in LENGTHS:
        for budget in budgets_for(n):
            yield from (golden_case(model, spec, tokens[:n], budget) for spec in rows)


def wrapper_cases(model, tokens, wanted):
    """Wrappers, allocators and chains at the lengths and counts nearest to these that can be compared."""
    for spec in (s for s in wanted if s in WRAPPERS and not WRAPPERS[s].renumbers):
        for n_tokens, budget in POINTS[::2] if own_total(spec) else POINTS:
            n, n_kept = fitted(spec, n_tokens, budget)
            case = golden_case(model, spec, tokens[:n], n_kept)
            if case:
                yield case


def pass_cases(model, tokens, wanted):
    """Methods that read the prompt more than once."""
    for spec in (s for s in wanted if s in PASSES):
        cases = (golden_case(model, spec, tokens[:n], budget) for n, budget in POINTS)
        yield from filter(None, cases)


def merged(path, cases, wanted):
    """`cases` in the place of what the file holds of these rows; a scorer's cases go when it is no row any more."""
    if len(wanted) == len(METHODS) or not path.exists():
        return cases
    old = [c for c in json.loads(path.read_text())["cases"] if ":" in c["press"] or c["press"] in METHODS]
    old = [c for c in old if not any(c["press"] == s or c["press"].endswith(f":{s}") for s in wanted)]
    table = {(c["press"], c["n_tokens"], c["budget"]): c for c in [*old, *cases]}
    return list(table.values())


def golden_file(folder, name, cases, path, wanted):
    model = load_model(folder)
    write_resources(folder, model.config)
    tokens = draw_tokens(max(LENGTHS), model.config.get_text_config().vocab_size, seed=20)
    return {
        "generator": "tests/oracle/kept_golden.py",
        "versions": {p: version(p) for p in ("kvpress", "transformers", "torch")},
        "model": f"tests/golden/models/{name}",
        "model_sha256": sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "dtype": "float32",
        "tie_rel": REL,
        "tokens": tokens,
        "cases": merged(path, list(cases(model, tokens, wanted)), wanted),
    }


def dump(golden):
    """One case per line, so that a change shows up as the lines it touches."""
    cases = golden.pop("cases")
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    return json.dumps(golden, separators=(",", ":"))[:-1] + ',"cases":[\n' + lines + "\n]}\n"


SETS = {"": base_cases, ".wrappers": wrapper_cases, ".passes": pass_cases}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=str(ROOT / "tests/golden/models"), help="folder of the tiny checkpoints")
    parser.add_argument("--out", default=str(ROOT / "tests/golden/kept"))
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS), help="'' is all but the wrappers")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS), metavar="ROW")
    parser.add_argument("--names", nargs="*", default=MODELS)
    args = parser.parse_args()
    Path(args.out).mkdir(parents=True, exist_ok=True)
    rows = []
    for name in args.names:
        for suffix in args.sets:
            path = Path(args.out) / f"{name}{suffix}.json"
            golden = golden_file(Path(args.models) / name, name, SETS[suffix], path, args.methods)
            refused = sum("refused" in c for c in golden["cases"])
            tied = sum(any("tied" in layer for layer in c.get("layers", [])) for c in golden["cases"])
            n_cases = len(golden["cases"])
            text = dump(golden)
            path.write_text(text)
            rows.append([name + suffix, n_cases, refused, tied, len(text)])
    print_table(["model", "cases", "refused", "with ties", "bytes"], rows)


if __name__ == "__main__":
    main()
