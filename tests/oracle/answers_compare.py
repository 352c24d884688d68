# SPDX-License-Identifier: Apache-2.0
"""Greedy answers against kvpress's pipeline, for every name of its registry that resolves here.

    .venv-oracle/bin/python tests/oracle/answers_compare.py [--kvhost BIN] [--model DIR|GGUF] [--json OUT] [NAME ...]

The model is the bundled one unless another is named; the prompts are the bundled ones, in its chat template where it has
one.

kvpress runs its own KVPressTextGenerationPipeline: the context is compressed, question and answer follow, 32 tokens,
float32, the same token ids. kvhost reads question and kvpress's answer after the compressed context, token by token
(`kvhost score --block 1`): its own greedy answer is the same as long as its most likely token is kvpress's, and where
that ends first it would have gone another way. Learned files and random draws are injected on both sides, counts equal.

A difference passes where kvpress prefers its own token by less than 1e-3 (a tie), where its own answer changes as well
once its scores are off by 1e-6 (entries tied at the cut), or where kvhost gives the answer of a kvpress whose named
defect was mended. Equal tokens do not pass with log-probabilities further off than either explains. Where kvpress fails
on a question of several tokens, all but the last go into the context. Exit 1 on any other difference.
"""

import json
import shlex
import shutil
from hashlib import sha256
from pathlib import Path

from answer_rows import ROWS, Row
from common import ROOT, Host, HostError, make_parser, print_table
from gguf_model import laid_out
from kvpress import KVPressTextGenerationPipeline
from peer_answer import N_NEW, Answer, Question, peer_answer, read_question, short_question
from peer_result import ratio_for
from resources import write_resources
from restore_press import write_restore
from tiny import load_model
from transformers import AutoTokenizer, GPT2TokenizerFast
from wrapper_presses import inner_scorers, shake_scores

TIE, SHAKE = 1e-3, 1e-6
FORTY_SHAKES = [(1e4 * 1.37**i, sign) for i in range(20) for sign in (1, -1)]  # few of them move a given pair of equals
LOUDER = 5  # times its own noise: what no tie explains
HEADER = ["name", "prompt", "tokens", "kept", "answer", "verdict", "differs at", "margin", "max |error|", "remark"]


def compositions() -> dict:
    """Names of aliases.json -> what they stand for."""
    data = json.loads((ROOT / "plugins/aliases.json").read_text())
    return {**data["aliases"], **{name: run["decode_press"] for name, run in data["runs"].items()}}


def request(row: Row, press: str, asked: Question, n_kept: int, lengths: list) -> list:
    """kvhost's flags for the peer's counts."""
    if row.every:
        return ["--press", "none", "--decode-press", press, "--decode-every", row.every, "--decode-budget", n_kept]
    if row.own_total:
        return ["--press", press]
    if not row.reached or len(set(lengths)) == 1:
        return ["--press", press, "--budget", lengths[0] if row.reached else n_kept]
    ratios = ",".join(repr(ratio_for(n, len(asked.context))) for n in lengths)
    return ["--press", f"per_layer(compression_ratios=[{ratios}]):{press}"]


def host_reads(host: Host, model: Path, flags: list, asked: Question, answer: list) -> tuple[list, list, str]:
    """-> (most likely tokens where `answer` stands, log-probabilities of `answer`, command)."""
    follow = [*asked.question, *answer]
    args = ["score", "--model", model, "--tokens-file", host.write_tokens(asked.context), "--block", 1, *flags]
    args += ["--continuation-file", host.write_tokens(follow), "--dtype", "float32", "--threads", 1]
    score, command = host.run_json(args, "--json")
    assert len(score["top1"]) == len(follow), (len(score["top1"]), len(follow))
    n = len(asked.question)
    return score["top1"][n:], score["logprobs"][n:], shlex.join(command)


def differences(peer: Answer, top1: list, log_probs: list) -> dict:
    """Where the answers part, by how much kvpress preferred its own token there, and the largest error up to there."""
    n = len(peer.tokens)
    first = next((i for i in range(n) if top1[i] != peer.tokens[i]), None)
    found = {"differs at": first, "margin": None}
    if first is not None:
        row = peer.log_probs[first]
        found["margin"] = float(row.max() - row[top1[first]])
    errors = [abs(log_probs[i] - float(peer.log_probs[i, peer.tokens[i]])) for i in range(n)]
    return {**found, "max |error|": max(errors)}


def compare(pipe, host: Host, model: Path, row: Row, press: str, build, asked: Question, n_kept: int) -> dict:
    """One press of the peer against kvhost; raises HostError."""
    peer = peer_answer(pipe, row, build, asked, n_kept)
    if peer.failed:
        return {"failed": peer.failed, "asked": asked}
    flags = request(row, press, asked, n_kept, peer.lengths)
    top1, log_probs, command = host_reads(host, model, flags, asked, peer.tokens)
    return {"answer": len(peer.tokens), "command": command, "asked": asked, **differences(peer, top1, log_probs)}


def shaken(build, frequency: float, sign: int):
    """The same press with scores that are off by up to a millionth."""

    def made(amount):
        press = build(amount)
        for scorer in inner_scorers(getattr(press, "base_press", press)):
            shake_scores(scorer, frequency, sign, SHAKE)
        return press

    return made


def explains(found: dict, moved: float, changes: int) -> bool:
    """Whether noise that moves log-probabilities that far, and the answer from there on, accounts for what was found."""
    if found["differs at"] is None:
        return found["max |error|"] <= LOUDER * moved
    return changes <= found["differs at"]


def own_noise(pipe, row: Row, build, found: dict, n_kept: int) -> tuple[float, int]:
    """How far kvpress's log-probabilities move when its scores are shaken, and where its own answer changes first; ends
    with the first shake that explains what was found."""
    asked = found["asked"]
    truth, moved, first = peer_answer(pipe, row, build, asked, n_kept), 0.0, N_NEW
    for frequency, sign in FORTY_SHAKES:
        other = peer_answer(pipe, row, shaken(build, frequency, sign), asked, n_kept)
        for i, (a, b) in enumerate(zip(truth.tokens, other.tokens)):
            moved = max(moved, float((truth.log_probs[i, a] - other.log_probs[i, a]).abs()))
            if a != b:
                first = min(first, i)
                break
        if explains(found, moved, first):
            break
    return moved, first


def judge(pipe, row: Row, build, found: dict, n_kept: int) -> tuple[str, str]:
    """-> (verdict, remark); asks for kvpress's own noise where rounding cannot explain what was found."""
    first, error = found["differs at"], found["max |error|"]
    small = "equal" if first is None else "tie"
    if (error if first is None else found["margin"]) <= TIE:
        return small, ""
    moved, changes = own_noise(pipe, row, build, found, n_kept)
    remark = f"scores off by {SHAKE:.0e} move kvpress's own by {moved:.1e}"
    return small if explains(found, moved, changes) else "different", remark


def settle(pipe, host: Host, model: Path, row: Row, press: str, asked: Question, n_kept: int) -> dict:
    """The verdict on one row and prompt, with its remark."""
    asked = asked.last_token_only() if row.every else asked
    found, remark = compare(pipe, host, model, row, press, row.build, asked, n_kept), ""
    if "failed" in found and len(asked.question) > 1:
        remark = f"{row.gap or 'not listed'}: kvpress fails on several tokens at once ({found['failed']})"
        found = compare(pipe, host, model, row, press, row.build, asked.last_token_only(), n_kept)
    if "failed" in found:
        return failed(host, model, row, press, found, n_kept)
    if row.mended and found["max |error|"] > TIE:
        return explained(pipe, host, model, row, press, {**found, "verdict": "different"}, n_kept)
    verdict, noise = judge(pipe, row, row.build, found, n_kept)
    return {**found, "verdict": verdict, "remark": "; ".join(filter(None, [remark, noise]))}


def explained(pipe, host: Host, model: Path, row: Row, press: str, found: dict, n_kept: int) -> dict:
    """Whether kvpress without its defect agrees; the figures are then those against the mended press."""
    mended = compare(pipe, host, model, row, press, row.mended, found["asked"], n_kept)
    verdict = "different" if "failed" in mended else judge(pipe, row, row.mended, mended, n_kept)[0]
    if verdict == "different":
        return {**found, "remark": f"{row.gap} mended: still differs ({mended.get('failed', mended)})"}
    how = f"error {found['max |error|']:.1e}"
    if found["differs at"] is not None:
        how += f", other tokens from {found['differs at']} on, margin {found['margin']:.2f}"
    same = "equal" if found["differs at"] is None else "explained"
    return {**mended, "verdict": same, "remark": f"{row.gap} mended; kvpress as it is: {how}"}


def failed(host: Host, model: Path, row: Row, press: str, found: dict, n_kept: int) -> dict:
    """kvpress has no answer: kvhost must run, and the defect be a known one."""
    asked = found["asked"]
    host_reads(host, model, request(row, press, asked, n_kept, []), asked, asked.context[:4])
    verdict = "kvpress fails" if row.gap else "different"
    return {**found, "verdict": verdict, "remark": f"{row.gap}: {found['failed']}"}


def as_row(name: str, found: dict, n_kept: int) -> dict:
    asked, margin, error = found["asked"], found.get("margin"), found.get("max |error|")
    cells = [name, asked.name, len(asked.context) + len(asked.question), n_kept, found.get("answer", 0)]
    cells += [found["verdict"], found.get("differs at"), margin and float(f"{margin:.2g}")]
    cells += [error and float(f"{error:.1e}"), found["remark"]]
    return dict(zip(HEADER, cells))


def prepared(host: Host, model: Path) -> tuple[KVPressTextGenerationPipeline, Path]:
    """-> (the peer's pipeline, the same model for kvhost with files of learned values beside it)"""
    if model.suffix == ".gguf":
        loaded, file = laid_out(host, model)
        tokenizer = GPT2TokenizerFast.from_pretrained(model.parent, gguf_file=model.name)
        tokenizer.save_pretrained(file.parent)  # where KVzip looks for the template
        write_restore(file.parent, loaded)
        return KVPressTextGenerationPipeline(model=loaded, tokenizer=tokenizer), file
    folder = Path(host.folder) / "model"
    shutil.copytree(model, folder)
    loaded = load_model(folder)
    write_resources(folder, loaded.config)
    write_restore(folder, loaded)
    return KVPressTextGenerationPipeline(model=loaded, tokenizer=AutoTokenizer.from_pretrained(folder)), folder


def digest_of(model: Path) -> str:
    weights = model if model.is_file() else model / "model.safetensors"
    return sha256(weights.read_bytes()).hexdigest()


def merge_rows(path: str, digest: str, rows: list) -> None:
    """Writes the rows; others that `path` holds for the same weights stay."""
    old = json.loads(Path(path).read_text()) if Path(path).exists() else {"model_sha256": digest, "rows": []}
    table = {(row["name"], row["prompt"]): row for row in old["rows"] if old["model_sha256"] == digest}
    table.update({(row["name"], row["prompt"]): row for row in rows})
    lines = ",\n".join(json.dumps(table[key]) for key in sorted(table))
    Path(path).write_text(f'{{"model_sha256":"{digest}","new_tokens":32,"rows":[\n{lines}\n]}}\n')


def main():
    parser = make_parser(__doc__)
    parser.add_argument("names", nargs="*", default=list(ROWS), metavar="NAME", help="of kvpress's registry")
    parser.add_argument("--model", type=Path, default=ROOT / "models/demo", help="a folder or a GGUF file")
    parser.add_argument("--json", help="merge the table into this file as well")
    args = parser.parse_args()
    host, aliases, rows, problems = Host(args.kvhost), compositions(), [], []
    pipe, model = prepared(host, args.model)
    digest = digest_of(model)
    asked = [(short_question(pipe), 0.5), (read_question(pipe, "needle"), 0.25)]
    for name in args.names:
        press = ROWS[name].here or aliases.get(name, name)
        for question, share in asked:
            n_kept = int(len(question.context) * (ROWS[name].share or share))
            try:
                found = settle(pipe, host, model, ROWS[name], press, question, n_kept)
            except HostError as error:
                found = {"asked": question, "verdict": "different", "remark": "kvhost fails", "command": str(error)}
            rows.append(as_row(name, found, n_kept))
            print(*rows[-1].values(), sep="  ", flush=True)
            if args.json:
                merge_rows(args.json, digest, rows[-1:])
            if found["verdict"] == "different":
                problems.append(f"\nDIFFERENT {name} {question.name}: {found.get('command')}")
    print_table(HEADER, [["" if row[key] is None else row[key] for key in HEADER] for row in rows])
    print("\n".join(problems))
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
