#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real model, two chapters of a book, five questions: the full cache beside three presses, as a Markdown table.

    bench/real_model.py [--kvhost FILE] [--model smollm2] [--press SPEC ...] [--keep-ratio R ...] [--json FILE]

The book is Alice's Adventures in Wonderland, chapters I and II (bench/texts), with five facts written in that no reader
of the book can know: an answer is right when it names what the text says. They were chosen among eight as ones that
SmolLM2 answers from the full cache: the table shows what compression loses, not how good the model is. Every press reads
the document once without the questions in sight, keeps --keep-ratio of the cache, and answers on what it kept; at
--aware-at the same with kvhost's --question-aware, which reads the document anew for every question. Seconds to the first
answer hold the first reading; seconds a question are those from the question to the end of its answer. What else the
machine was doing (its load before the runs) is printed below the table.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "bench/texts/alice_1_2.txt"
PRESSES = ("none", "rankkv:adakv:snapkv", "adakv:snapkv", "knorm")
# What is written in behind the paragraph nearest to a share of the text, what is asked, what the answer must hold.
FACTS = (
    (
        0.10,
        "Remember this: the secret word of the garden is lantern.",
        "What is the secret word of the garden?",
        "lantern",
    ),
    (0.30, "Remember this: the White Rabbit lives in Bristol.", "In which city does the White Rabbit live?", "Bristol"),
    (
        0.50,
        "Remember this: the colour of the White Rabbit's hat is purple.",
        "What is the colour of the White Rabbit's hat?",
        "purple",
    ),
    (0.70, "Remember this: the number of the little door is 4172.", "What is the number of the little door?", "4172"),
    (
        0.90,
        "Remember this: the favourite food of the Mouse is smoked herring.",
        "What is the favourite food of the Mouse?",
        "herring",
    ),
)


def document():
    paragraphs = TEXT.read_text().split("\n\n")
    length, placed, out, facts = sum(map(len, paragraphs)), 0, [], list(FACTS)
    for paragraph in paragraphs:
        out.append(paragraph)
        placed += len(paragraph)
        while facts and placed >= facts[0][0] * length:
            out.append(facts.pop(0)[1])
    return "\n\n".join(out)


def ask(args, run, folder):
    command = [args.kvhost, "ask", "--model", args.model, "-f", folder / "book.txt"]
    command += ["--questions", folder / "questions.jsonl", "--press", run["press"], "-n", args.n_new]
    command += ["--threads", args.threads, "--json", "-"]
    command += [] if run["press"] == "none" else ["--keep-ratio", run["keep_ratio"]]
    command += ["--question-aware"] if run["question_aware"] else []
    done = subprocess.run([str(c) for c in command], check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # 1: an answer was not what was expected
        raise SystemExit(f"real_model: {' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def seconds(answer):
    return (answer["ttft_ms"] + answer["tpot_ms"] * max(0, len(answer["tokens"]) - 1)) / 1000


def measured(args, run, folder):
    load = os.getloadavg()[0]
    report = ask(args, run, folder)
    document, answers = report["document"], report["answers"]
    spent = [seconds(a) for a in answers]
    # With the question in sight the text is read with each, and that is in the seconds to its first token.
    read = answers[0] | {"prefill_ms": 0} if run["question_aware"] else document
    return run | {
        "n_tokens": document["n_tokens"],
        "cache_bytes": read["cache_bytes_kept"],
        "first_answer_s": read["prefill_ms"] / 1000 + spent[0],
        "question_s": sum(spent) / len(spent),
        "right": sum(bool(a["right"]) for a in answers),
        "answers": [a["text"].strip() for a in answers],
        "load": load,
    }


def name(row):
    return "full" if row["press"] == "none" else f"`{row['press']}`"


def print_table(rows):
    print("| cache | kept | question in sight | MB | first answer, s | each question, s | right |")
    print("|---|---|---|---|---|---|---|")
    for r in rows:
        seen = "" if r["press"] == "none" else "yes" if r["question_aware"] else "no"
        cells = [name(r), f"{r['keep_ratio']:.0%}", seen, f"{r['cache_bytes'] / 1e6:.1f}"]
        cells += [f"{r['first_answer_s']:.1f}", f"{r['question_s']:.2f}", f"{r['right']} of {len(r['answers'])}"]
        print(f"| {' | '.join(cells)} |")


def print_rest(args, rows):
    loads = [r["load"] for r in rows]
    print(f"\n{args.model}, {rows[0]['n_tokens']} tokens, {args.threads} threads on {os.cpu_count()} processors; ", end="")
    print(f"load before the runs {min(loads):.1f} to {max(loads):.1f}\n")
    for r in rows:
        seen = ", question in sight" if r["question_aware"] else ""
        print(f"{r['press']} at {r['keep_ratio']:.0%}{seen}: {' | '.join(r['answers'])}")


def runs(args):
    """The full cache once; then every press at every share, without the question in sight and with it."""
    found = [{"press": "none", "keep_ratio": 1.0, "question_aware": False}] if "none" in args.press else []
    presses = [press for press in args.press if press != "none"]
    for aware, ratios in ((False, args.keep_ratio), (True, args.aware_at)):
        for ratio in ratios:
            found += [{"press": press, "keep_ratio": ratio, "question_aware": aware} for press in presses]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=os.environ.get("KVHOST_BIN", str(ROOT / "build/release/bin/kvhost")))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--press", nargs="*", default=list(PRESSES))
    parser.add_argument("--keep-ratio", nargs="*", type=float, default=[0.25, 0.5])
    parser.add_argument("--aware-at", nargs="*", type=float, default=[0.25])
    parser.add_argument("-n", "--n-new", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", help="the figures and the answers as well")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "book.txt").write_text(document())
        lines = [json.dumps({"question": question, "expect": expect}) + "\n" for _, _, question, expect in FACTS]
        (folder / "questions.jsonl").write_text("".join(lines))
        for run in runs(args):
            rows.append(measured(args, run, folder))
            if args.json:
                Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")
    print_table(rows)
    print_rest(args, rows)


if __name__ == "__main__":
    main()
