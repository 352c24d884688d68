# SPDX-License-Identifier: Apache-2.0
"""Writes docs/catalogue.md: every installed method, and how far it is proven against its reference.

    .venv-oracle/bin/python tests/oracle/catalogue_table.py [--kvhost BIN]

Golden cases are counted in tests/golden/kept, living ones read from tests/oracle/results. A row that was not compared
says so. The second table resolves the names of kvpress 0.5.5's evaluation registry.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

from common import ROOT, Host, make_parser

RESULTS = ROOT / "tests/oracle/results"
REGISTRY = """
adakv_snapkv block_keydiff chunkkv critical_adakv_expected_attention critical_adakv_snapkv
critical_expected_attention critical_snapkv cur duo_attention duo_attention_on_the_fly expected_attention fastkvzip
finch keydiff kvcompose kvcompose_unstructured kvzip kvzip_plus kvzap_linear kvzap_mlp kvzap_mlp_head
kvzap_mlp_layer lagkv lukv knorm observed_attention pyramidkv qfilter random RestoreKV RestoreKV_plus snap_think
snapkv streaming_llm think tova compactor adakv_compactor no_press cam_streaming_llm cam_knorm cam_adakv_snapkv
cam_tova decoding_knorm decoding_streaming_llm decoding_tova decoding_qfilter decoding_adakv_expected_attention_e2
decoding_adakv_snapkv decoding_keydiff merging_knorm merging_snapkv merging_expected_attention merging_kvzap_mlp
""".split()
MULTI_PASS = "runs the model more than once over the prompt; not yet"
ADAPTER = "needs learned adapters or gates; not yet"
ABSENT = {
    "duo_attention": "duo_attention needs a pattern file (pattern=); making one on the fly: not yet",
    "duo_attention_on_the_fly": "duo_attention needs a pattern file (pattern=); making one on the fly: not yet",
    "fastkvzip": ADAPTER,
    "finch": "reads the question behind a delimiter; not yet",
    "kvcompose": MULTI_PASS,
    "kvcompose_unstructured": MULTI_PASS,
    "kvzip": MULTI_PASS,
    "kvzip_plus": MULTI_PASS,
    "lukv": "lukv:expected_attention(epsilon=0.02) with a curves file (curves=); not compared with the peer yet",
    "RestoreKV": ADAPTER,
    "RestoreKV_plus": ADAPTER,
    "snap_think": "prunes key channels; not yet",
    "think": "prunes key channels; not yet",
}
ANOTHER = {
    "expected_attention": "there AdaKV(ExpectedAttention(epsilon=0.01)): adakv_expected_attention here",
    "pyramidkv": "there over SnapKV by its own rule: pyramidkv_snapkv here",
    "chunkkv": "there over SnapKV: chunkkv:snapkv here",
    "no_press": "--press none",
}
DIFFERENCES = {
    "block": "kvpress gathers hidden states in slices per head: scorers that read them differ",
    "cam": "kvpress counts on until the cache exceeds its target; here a cut that is not due yet passes",
    "chunk": "kvpress rounds every chunk's share down; here the shares meet the budget",
    "chunkkv": "kvpress keeps whole chunks; compared at the counts it reached",
    "dms": "while generating, judged when a cut runs, in kvpress at every token; prefill compared",
    "simlayerkv": "n_recent = n_last is refused; kvpress repeats the cache there",
}


def methods_in(text: str) -> set:
    """The names that a composition uses, parameters and values left out."""
    bare = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", text))
    return set(re.findall(r"[A-Za-z_]\w*", bare))


def golden_counts() -> Counter:
    counts = Counter()
    for path in sorted((ROOT / "tests/golden/kept").glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            if "refused" not in case:
                counts.update(methods_in(case["press"]))
    return counts


def living_results() -> dict:
    """By method: [cases, identical, tied, by design, different, models] of all rows that use it."""
    sums, models = defaultdict(Counter), defaultdict(set)
    path = RESULTS / "kept_compare.json"
    for row in json.loads(path.read_text())["rows"] if path.exists() else []:
        for name in methods_in(row["method"]):
            models[name].add(row["model"])
            for key in ("cases", "identical", "tied", "by design", "different"):
                sums[name][key] += row[key]
    return {name: (count, len(models[name])) for name, count in sums.items()}


def phase_results() -> dict:
    """By method: the largest error in log-probabilities and the number of runs."""
    found = defaultdict(list)
    path = RESULTS / "phase_compare.json"
    for row in json.loads(path.read_text())["rows"] if path.exists() else []:
        for name in methods_in(row["method"].removeprefix("decode ")):
            found[name].append((float(row["max |error|"]), row["verdict"]))
    return found


def kept_text(found: tuple | None) -> str:
    if not found:
        return "not compared"
    count, n_models = found
    parts = [f"{count[key]} {key}" for key in ("identical", "tied", "by design", "different") if count[key]]
    return f"{count['cases']} on {n_models} models: {', '.join(parts)}"


def phase_text(found: list | None) -> str:
    if not found:
        return "not compared"
    failed = sum(verdict != "ok" for _, verdict in found)
    text = f"{len(found)} runs, error <= {max(error for error, _ in found):.0e}"
    return text + (f", {failed} failed" if failed else "")


def method_table(methods: list, references: dict) -> list:
    golden, living, phase = golden_counts(), living_results(), phase_results()
    header = ["method", "kind", "checked against", "golden cases", "kept sets", "log-probabilities", "difference"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for method in sorted(methods, key=lambda m: (m["kind"], m["name"])):
        name = method["name"]
        cells = [f"`{name}`", method["kind"].replace("_", " "), references[name] or "-", golden[name] or "none"]
        cells += [kept_text(living.get(name)), phase_text(phase.get(name)), DIFFERENCES.get(name, "")]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def reference(host: Host, name: str) -> str:
    _, text = host.call(["info", name])
    match = re.search(r"^  checked against +(.*(?:\n {19}.*)*)", text, re.M)
    return re.sub(r"\s+", " ", match.group(1)) if match else ""


def alias_table(host: Host) -> dict:
    """Names of aliases.json beside the plugins -> what they stand for."""
    folder = Path(host.binary).resolve().parents[1] / "lib/kvhost/plugins/1"
    data = json.loads((folder / "aliases.json").read_text())
    runs = {name: f"--decode-press {run['decode_press']}" for name, run in data.get("runs", {}).items()}
    return {**data["aliases"], **runs}


def resolve(name: str, names: set, aliases: dict) -> tuple[str, str]:
    """-> (what the name stands for here, remark)."""
    if name in ABSENT:
        return "-", ABSENT[name]
    if name in aliases:
        return f"`{aliases[name]}`", ANOTHER.get(name, "")
    if name in names:
        return f"`{name}`", ANOTHER.get(name, "")
    return "-", ANOTHER.get(name, "does not resolve")


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--out", default=str(ROOT / "docs/catalogue.md"))
    args = parser.parse_args()
    host = Host(args.kvhost)
    methods, _ = host.run_json(["list"], "--json")
    aliases, names = alias_table(host), {method["name"] for method in methods}
    lines = ["# Methods and what they were compared with", ""]
    lines += ["Generated by `tests/oracle/catalogue_table.py`. A case counts for every method of its composition.", ""]
    lines += method_table(methods, {name: reference(host, name) for name in names})
    lines += ["", "## Names of kvpress 0.5.5's registry", "", "| name there | here | remark |", "|---|---|---|"]
    lines += [f"| {name} | {' | '.join(resolve(name, names, aliases))} |" for name in REGISTRY]
    Path(args.out).write_text("\n".join(lines) + "\n")
    print(f"{args.out}: {len(methods)} methods, {len(REGISTRY)} names")


if __name__ == "__main__":
    main()
