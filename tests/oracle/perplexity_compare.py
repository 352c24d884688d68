# SPDX-License-Identifier: Apache-2.0
"""`kvhost eval` against transformers and kvpress in float32: likelihood of a continuation over full and compressed caches.

    .venv-oracle/bin/python tests/oracle/perplexity_compare.py [--kvhost BIN]

Real text, cut into segments as docs/eval.md says and tokenized here again. The peer reads the context, compresses it with
kvpress, and scores the continuation in one pass at its true positions. nll of every segment: within 1e-4 (relative); KL
against the full cache: within 1e-4 of it plus 1e-5 nats; accuracy and top-1 agreement: equal, up to one token. The tiny
and the bundled model. *tied*: kvpress's own figures move as far when its scores are off by a millionth, so entries at a
cut are equal: in the first layer the keys of one word have one norm, wherever it stands. Exit 1 above a tolerance
otherwise.
"""

import json
from pathlib import Path

import torch
from common import ROOT, Host, make_parser, print_table
from kvpress import KeyDiffPress, KnormPress, SnapKVPress
from peer_result import ratio_for
from tiny import load_model
from tokenizers import Tokenizer
from transformers import DynamicCache
from wrapper_presses import SHAKES, inner_scorers, shake_scores

TOLERANCE = 1e-4
SHAKE, LOUDER = 1e-6, 5  # relative; times its own noise: what no tie explains
N_CONTEXT, N_SCORED, N_SEGMENTS, BUDGETS = 384, 96, 4, (0.5, 0.25)
TEXT = ROOT / "examples/suites/texts/alice.txt"
ARMS = {
    "full": None,
    "keydiff": lambda ratio: KeyDiffPress(compression_ratio=ratio),
    "knorm": lambda ratio: KnormPress(compression_ratio=ratio),
    "snapkv(window_size=16)": lambda ratio: SnapKVPress(compression_ratio=ratio, window_size=16),
}


def measured_by_host(host: Host, model: Path) -> dict:
    """-> {(case, arm, budget): {metric: value}}"""
    task = dict(kind="likelihood", name="text", files=[str(TEXT)], segments=N_SEGMENTS, context=N_CONTEXT, scored=N_SCORED)
    suite = dict(arms=[arm for arm in ARMS if arm != "full"], budgets=BUDGETS, tasks=[task])
    file, db = host.path(), host.path(".db")
    Path(file).write_text(json.dumps(suite))
    host.call(["eval", file, "--model", model, "--dtype", "float32", "--db", db])
    rows, _ = host.run_json(["results", "show", "--rows", "--db", db], "--json")
    cells = {}
    for row in rows["rows"] if isinstance(rows, dict) else rows:
        cells.setdefault((row["case_id"], row["arm"], row["budget"]), {})[row["metric"]] = row["value"]
    return cells


def segments(folder: Path, cases: list) -> dict:
    """The tokens of each case: "alice.txt@N" begins with what begins every text, then the text's tokens from N on."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    start = tokenizer.encode("").ids
    text = tokenizer.encode(TEXT.read_text(), add_special_tokens=False).ids
    n = N_CONTEXT - len(start)
    places = {case: int(case.split("@")[1]) for case in cases}
    return {
        case: (start + text[at : at + n], text[at + n : at + n + N_SCORED]) for case, at in places.items()
    }


def log_probs(model, context: list, scored: list, press) -> torch.Tensor:
    """[n_scored, vocab]: what predicts each token of `scored` over the compressed context."""
    cache = DynamicCache()
    with torch.no_grad():
        if press is None:
            first = model(torch.tensor([context]), past_key_values=cache).logits
        else:
            with press(model):
                first = model(torch.tensor([context]), past_key_values=cache).logits
        positions = torch.arange(len(context), len(context) + len(scored)).unsqueeze(0)
        rest = model(torch.tensor([scored]), past_key_values=cache, position_ids=positions).logits
    return torch.cat([first[0, -1:], rest[0, :-1]]).double().log_softmax(-1)


def measured_by_peer(rows: torch.Tensor, full: torch.Tensor, scored: list) -> dict:
    """The first token is left out: all compositions predict it from the same prefill."""
    rows, full, scored = rows[1:], full[1:], torch.tensor(scored[1:])
    top = rows.argmax(-1)
    return {
        "nll": float(-rows.gather(1, scored[:, None]).mean()),
        "accuracy": float((top == scored).double().mean()),
        "kl": float((full.exp() * (full - rows)).sum(-1).mean()),
        "top1_agreement": float((top == full.argmax(-1)).double().mean()),
    }


def errors(found: dict, expected: dict) -> dict:
    """Of every metric in units of its tolerance."""
    one_token = 1.5 / (N_SCORED - 1)
    out = {"nll": abs(found["nll"] / expected["nll"] - 1) / TOLERANCE}
    out["accuracy"] = abs(found["accuracy"] - expected["accuracy"]) / one_token
    if "kl" in found:
        out["kl"] = abs(found["kl"] - expected["kl"]) / (TOLERANCE * expected["kl"] + 1e-5)
        out["top1_agreement"] = abs(found["top1_agreement"] - expected["top1_agreement"]) / one_token
    return out


class Peer:
    """One model's figures, segment by segment."""

    def __init__(self, folder: Path, cases: list):
        self.model, self.texts = load_model(folder), segments(folder, cases)
        self.full = {case: log_probs(self.model, *tokens, None) for case, tokens in self.texts.items()}

    def measured(self, case: str, arm: str, budget: float, shake: tuple | None = None) -> dict:
        context, scored = self.texts[case]
        if arm == "full":
            return measured_by_peer(self.full[case], self.full[case], scored)
        press = ARMS[arm](ratio_for(int(budget * len(context) + 1e-9), len(context)))
        for scorer in inner_scorers(press) if shake else []:
            shake_scores(scorer, *shake)
        return measured_by_peer(log_probs(self.model, context, scored, press), self.full[case], scored)

    def verdict(self, case: str, arm: str, budget: float, found: dict) -> tuple[dict, str]:
        truth = self.measured(case, arm, budget)
        off = errors(found, truth)
        if max(off.values()) <= 1:
            return off, "ok"
        shaken = [errors(self.measured(case, arm, budget, (*shake, SHAKE)), truth) for shake in SHAKES]
        noise = {metric: max(other[metric] for other in shaken) for metric in off}
        return off, "tied" if all(off[m] <= max(1, LOUDER * noise[m]) for m in off) else "FAIL"


def main():
    args = make_parser(__doc__).parse_args()
    host, table, failed = Host(args.kvhost), [], False
    for name in ("tiny", "demo"):
        folder = ROOT / "models" / name
        cells = measured_by_host(host, folder)
        peer, lines = Peer(folder, sorted({case for case, _, _ in cells})), {}
        for (case, arm, budget), found in cells.items():
            off, verdict = peer.verdict(case, arm, budget, found)
            lines.setdefault((arm, budget), []).append((off.pop("nll") * TOLERANCE, max(off.values()), verdict))
        if len(lines) != 1 + (len(ARMS) - 1) * len(BUDGETS) or any(len(line) != N_SEGMENTS for line in lines.values()):
            raise SystemExit(f"{name}: {len(cells)} cells, expected {N_SEGMENTS} segments of every composition")
        for (arm, budget), line in sorted(lines.items()):
            verdicts = [verdict for _, _, verdict in line]
            failed |= "FAIL" in verdicts
            nll, others = max(nll for nll, _, _ in line), max(other for _, other, _ in line)
            said = " ".join(f"{verdicts.count(word)} {word}" for word in ("ok", "tied", "FAIL") if word in verdicts)
            table.append([name, arm, budget, f"{nll:.1e}", f"{others:.3f}", said])
    print_table(["model", "arm", "budget", "nll, relative", "others / tolerance", "segments"], table)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
