#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real model, two chapters of a book, five questions: the full cache beside three presses, as a Markdown table.

    bench/real_model.py [--kvhost build/release/bin/kvhost] [--model smollm2] [--press SPEC ...] [--json FILE]

The book is Alice's Adventures in Wonderland, chapters I and II (bench/texts), with five facts written in that no reader
of the book can know: an answer is right when it names what the text says. They were chosen among eight as ones that
SmolLM2 answers from the full cache: the table shows what compression loses, not how good the model is. Every press
reads the document once without the questions in sight, keeps --keep-ratio of the cache, and answers on what it kept.
Seconds to the first answer hold the reading; seconds a question are those from the question to the end of its answer.
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


def ask(args, press, folder):
    command = [
        args.kvhost,
        "ask",
        "--model",
        args.model,
        "-f",
        folder / "book.txt",
        "--questions",
        folder / "questions.jsonl",
    ]
    command += ["--press", press, "-n", args.n_new, "--threads", args.threads, "--json", "-"]
    command += [] if press == "none" else ["--keep-ratio", args.keep_ratio]
    done = subprocess.run([str(c) for c in command], check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # 1: an answer was not what was expected
        raise SystemExit(f"real_model: {' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def seconds(answer):
    return (answer["ttft_ms"] + answer["tpot_ms"] * max(0, len(answer["tokens"]) - 1)) / 1000


def row(press, report):
    document, answers = report["document"], report["answers"]
    spent = [seconds(a) for a in answers]
    return {
        "press": press,
        "n_tokens": document["n_tokens"],
        "cache_bytes": document["cache_bytes_kept"],
        "first_answer_s": document["prefill_ms"] / 1000 + spent[0],
        "question_s": sum(spent) / len(spent),
        "first_token_s": sum(a["ttft_ms"] for a in answers) / len(answers) / 1000,
        "right": sum(bool(a["right"]) for a in answers),
        "answers": [a["text"].strip() for a in answers],
    }


def print_table(rows):
    print("| cache | MB | first answer, s | each question, s | its first token, s | right |")
    print("|---|---|---|---|---|---|")
    for r in rows:
        name = "full" if r["press"] == "none" else f"`{r['press']}`"
        cells = [f"{r['cache_bytes'] / 1e6:.1f}", f"{r['first_answer_s']:.1f}", f"{r['question_s']:.2f}"]
        print(f"| {name} | {' | '.join(cells)} | {r['first_token_s']:.2f} | {r['right']} of {len(r['answers'])} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=os.environ.get("KVHOST_BIN", str(ROOT / "build/release/bin/kvhost")))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--press", nargs="*", default=list(PRESSES))
    parser.add_argument("--keep-ratio", type=float, default=0.25)
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
        for press in args.press:
            rows.append(row(press, ask(args, press, folder)))
    print(f"{args.model}, {rows[0]['n_tokens']} tokens, {args.keep_ratio:.0%} kept, {args.threads} threads\n")
    print_table(rows)
    print()
    for r in rows:
        print(f"{r['press']}: {' | '.join(r['answers'])}")
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
