# SPDX-License-Identifier: Apache-2.0
"""Writes docs/catalogue.md: every installed method, and how far it is proven against its reference.

    .venv-oracle/bin/python tests/oracle/catalogue_table.py [--kvhost BIN]

Golden cases are counted in tests/golden, living ones read from tests/oracle/results. A row that was not compared
says so. The second table resolves the names of kvpress 0.5.5's evaluation registry, with the results of
answers_compare.py; the third holds what differed on a real model (real_kept_compare.py), the last the bytes of
bench/headwise_memory.py.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

from common import ROOT, Host, make_parser

OUTCOMES = ("identical", "tied", "by design", "refused", "different")
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
ANOTHER = {
    "RestoreKV": "needs embeddings and a LoRA learned for the model",
    "RestoreKV_plus": "needs embeddings and a LoRA learned for the model",
    "fastkvzip": "needs gates beside the model",
    "finch": "asks for the question behind the context, there behind a delimiter",
    "kvcompose_unstructured": "there the second reading stays visible",
    "duo_attention": "needs a pattern file beside the model",
    "duo_attention_on_the_fly": "scores the prompt itself; there fifty downloaded chapters",
    "lukv": "lukv:expected_attention(epsilon=0.02) here; needs a curves file",
    "expected_attention": "there AdaKV(ExpectedAttention(epsilon=0.01)): adakv_expected_attention here",
    "pyramidkv": "there over SnapKV by its own rule: pyramidkv_snapkv here",
    "chunkkv": "there over SnapKV: chunkkv:snapkv here",
    "no_press": "--press none",
}
DIFFERENCES = {
    "block": "kvpress gathers hidden states in slices per head: scorers that read them differ",
    "composite": "a layer that would get nothing keeps one entry a head within the total, in kvpress beyond it",
    "finch": "kvpress rounds every chunk's share down; here the shares meet the budget",
    "kvcompose": "kvpress multiplies by the values of both readings (add_v_norm), which fails",
    "kvzip": "template tokens are those the prompt begins with, in kvpress the first ones of any prompt",
    "cam": "kvpress counts on until the cache exceeds its target; here a cut that is not due yet passes",
    "chunk": "kvpress rounds every chunk's share down; here the shares meet the budget",
    "chunkkv": "kvpress keeps whole chunks (compared at the counts it reached) and, below one chunk, selects per head",
    "compactor": "with two tokens between its protected ends both sides rank by rounding",
    "critical_adakv": "at budget 1 the sinks of all heads are tied at the maximum: which of them stay is anybody's choice",
    "dms": "while generating, judged when a cut runs, in kvpress at every token; prefill compared",
    "lukv": "a head whose share is below its pinned entries keeps the newest of those, in kvpress the first ones",
    "random": "with kvhost's draws",
    "rankkv": "ranks, budgets and the estimator: rankkv_reference.py",
    "think": "kvpress writes zeros and frees nothing; golden cases hold channels",
    "streaming_llm": "of a count below n_sink kvpress keeps an unspecified subset of the sinks",
    "simlayerkv": "n_recent = n_last is refused; kvpress repeats the cache there",
}


KEPT_SETS = """
*Kept sets*: on freshly drawn checkpoints of four families (Llama with grouped and with full heads, Qwen2, Qwen3), at
prompts below the window, of exactly the window, odd, 128 and 250 to 420 tokens, equal counts (`kept_compare.py`).
*tied*: only entries differ whose scores are within 1e-5 of the one at the cut. *refused*: the reference raises an
error there and kvhost runs.
""".strip()


def methods_in(text: str) -> set:
    """The names that a composition uses, parameters and values left out."""
    bare = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", text))
    return set(re.findall(r"[A-Za-z_]\w*", bare))


def golden_counts() -> Counter:
    counts = Counter()
    folder = ROOT / "tests/golden"
    for path in (*sorted((folder / "kept").glob("*.json")), folder / "channels.json"):
        for case in json.loads(path.read_text())["cases"]:
            if "refused" not in case:
                counts.update(methods_in(case["press"]))
    return counts


def living_results() -> dict:
    """By method: the counts of every outcome and the number of models, of all rows that use it."""
    sums, models = defaultdict(Counter), defaultdict(set)
    path = RESULTS / "kept_compare.json"
    for row in json.loads(path.read_text())["rows"] if path.exists() else []:
        for name in methods_in(row["method"]):
            models[name].add(row["model"])
            for key in ("cases", *OUTCOMES):
                sums[name][key] += row.get(key, 0)
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
    parts = [f"{count[key]} {key}" for key in OUTCOMES if count[key]]
    return f"{count['cases']} on {n_models} models: {', '.join(parts)}"


def phase_text(found: list | None) -> str:
    if not found:
        return "not compared"
    counts = Counter(verdict for _, verdict in found)
    text = f"{len(found)} runs, error <= {max(error for error, verdict in found if verdict != 'tied'):.0e}"
    return text + "".join(f", {n} {verdict}" for verdict, n in counts.items() if verdict != "ok")


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
    if name in aliases:
        return f"`{aliases[name]}`", ANOTHER.get(name, "")
    if name in names:
        return f"`{name}`", ANOTHER.get(name, "")
    return "-", ANOTHER.get(name, "does not resolve")


def answers(file: str) -> dict:
    """By name of the registry: what answers_compare.py found."""
    found = defaultdict(list)
    path = RESULTS / file
    for row in json.loads(path.read_text())["rows"] if path.exists() else []:
        found[row["name"]].append(row)
    return found


def answer_text(rows: list) -> str:
    if not rows:
        return "not compared"
    counts = Counter(row["verdict"] for row in rows)
    parts = [f"{n} {verdict}" for verdict, n in sorted(counts.items())]
    errors = [row["max |error|"] for row in rows if row["max |error|"] is not None]
    text = ", ".join(parts) + (f"; error <= {max(errors):.0e}" if errors else "")
    remarks = sorted({row["remark"].replace("|", "/") for row in rows if row["remark"]})
    return "; ".join([text, *remarks])


ANSWERS = """
*Answers*: greedy, 32 tokens, float32, of the bundled model after a compressed context, beside kvpress's own
text-generation pipeline with the same token ids, counts, learned files and random draws (`answers_compare.py`), on a
bundled prompt of about 1,800 tokens and one of about 600. The error is the largest one in the log-probabilities of the
answer's tokens. *explained*: equal to a kvpress whose defect of that number (kvpress_gaps.md) was mended.
""".strip()


def registry_table(names: set, aliases: dict) -> list:
    found = answers("answers.json")
    lines = ["| name there | here | answers | remark |", "|---|---|---|---|"]
    for name in REGISTRY:
        here, remark = resolve(name, names, aliases)
        text = answer_text(found[name]) if here != "-" or found[name] else "-"
        lines.append(f"| {name} | {here} | {text} | {remark} |")
    return lines


REAL_ANSWERS = """
The methods that read the prompt more than once, or were learned from one that does, answer on SmolLM2 as well: the same
prompts in its chat template, of about 1,500 tokens and 530, float32, answers to their end or 32 tokens
(`answers_compare.py --model FILE.gguf`); what was learned is drawn and the same for both.
""".strip()


def real_answers() -> list:
    found = answers("answers_smollm2.json")
    lines = ["| name there | answers |", "|---|---|"]
    return lines + [f"| {name} | {answer_text(found[name])} |" for name in REGISTRY if found[name]]


REAL_MODEL = """
SmolLM2-135M-Instruct from its GGUF file in float32, two chapters of a book, a quarter kept where the method does not
decide it itself, 30 layers, 3 heads (`real_kept_compare.py`). Below stand the compositions whose kept sets are not
identical, with how many entries differ, and within which distance of the score at the cut, relative to it, all of those
lie: 0 is for equal scores. In a text that words come back in, layer 0 holds equal scores wherever a method looks at
tokens without their positions, and which of those stay is left to each program. Beside it, by how many entries kvpress
differs from itself when its pass is computed in float64.
""".strip()


def real_table() -> list:
    path = RESULTS / "real_kept.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    if not rows:
        return ["Not compared."]
    lines = []
    for n_tokens in sorted({row["of"] for row in rows}):
        counts = Counter(row["outcome"] for row in rows if row["of"] == n_tokens)
        found = ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())
        lines.append(f"* {n_tokens} tokens, {counts.total()} compositions: {found}")
    lines += ["", "| composition | tokens | kept | differ | within | kvpress in float64 | verdict |", "|---" * 7 + "|"]
    for row in rows:
        if row["outcome"] != "identical":
            keys = ("method", "tokens", "kept", "differ", "within", "peer in float64", "outcome")
            cells = [f"`{row[key]}`" if key == "method" else str(row[key]) for key in keys]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def memory_table() -> list:
    """Bytes of the methods that give heads unequal shares, from the newest file of bench/headwise_memory.py."""
    files = sorted((ROOT / "bench/results").glob("*-headwise-memory.json"))
    if not files:
        return ["Not measured."]
    data = json.loads(files[-1].read_text())
    lines = [f"{data['tokens']} tokens, 4 layers x 8 KV heads x 128, bfloat16, {data['keep_ratio']:.0%} asked for; MB."]
    lines += [f"`bench/headwise_memory.py` wrote `bench/results/{files[-1].name}`; kvpress masks for these methods.", ""]
    lines.append("| composition | full | kept | allocated | allocated / kept | kvpress holds | of that not masked |")
    lines.append("|---" * 7 + "|")
    for row in data["rows"]:
        sizes = [f"{row[f'cache_bytes_{kind}'] / 1e6:.2f}" for kind in ("full", "kept", "allocated")]
        peer = ["-", "-"]
        if "peer_bytes_held" in row:
            peer = [f"{row['peer_bytes_held'] / 1e6:.2f}", f"{row['peer_share_unmasked']:.1%}"]
        cells = [f"`{row['press']}`", *sizes, f"{row['allocated_over_kept']:.4f}", *peer]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--out", default=str(ROOT / "docs/catalogue.md"))
    args = parser.parse_args()
    host = Host(args.kvhost)
    methods, _ = host.run_json(["list"], "--json")
    aliases, names = alias_table(host), {method["name"] for method in methods}
    lines = ["# Methods and what they were compared with", ""]
    lines += ["Generated by `tests/oracle/catalogue_table.py`. A case counts for every method of its composition.", ""]
    lines += [KEPT_SETS, ""]
    lines += method_table(methods, {name: reference(host, name) for name in names})
    lines += ["", "## Names of kvpress 0.5.5's registry", "", ANSWERS, "", *registry_table(names, aliases)]
    lines += ["", "### On SmolLM2", "", REAL_ANSWERS, "", *real_answers()]
    lines += ["", "## Kept sets on a real model", "", REAL_MODEL, "", *real_table()]
    lines += ["", "## Memory of head-wise methods", "", *memory_table()]
    Path(args.out).write_text("\n".join(lines) + "\n")
    print(f"{args.out}: {len(methods)} methods, {len(REGISTRY)} names")


if __name__ == "__main__":
    main()
