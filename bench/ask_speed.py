#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten questions over one document: what each costs after one compression, and what it costs to read all anew.

For every question: the time to its first token from the compressed document (`kvhost ask`), and from a new run over
the document and the question (`kvhost run`), on the same token ids; the answers side by side.

  bench/ask_speed.py [--kvhost build/release/bin/kvhost] [--model DIR] [--press SPEC] [-f DOC]
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
NAMES = "Alice Brice Clara Daniel Edith Frank Grace Henry Irene Jacob".split()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--model", default="")
    parser.add_argument("--press", default="adakv:snapkv")
    parser.add_argument("-f", "--document", help="a text file; default: the bundled prompt 'needle'")
    args = parser.parse_args()
    model = ["--model", args.model] if args.model else []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        if args.document:
            text = Path(args.document).read_text()
        else:
            demo = json.loads((ROOT / "models/demo/prompts/needle.json").read_text())
            text = demo["text"].removesuffix(demo["question"])
        (scratch / "doc.txt").write_text(text)
        ids = tokens(args.kvhost, model, text)
        questions = [f"What is the password of {name}?\nThe password of {name} is" for name in NAMES]
        asked = [tokens(args.kvhost, model, q, no_bos=True) for q in questions]
        (scratch / "doc.json").write_text(json.dumps(ids))
        (scratch / "q.jsonl").write_text("".join(json.dumps({"tokens": q}) + "\n" for q in asked))
        report = run([args.kvhost, "ask", *model, "--tokens-file", scratch / "doc.json", "--questions", scratch / "q.jsonl",
                      "--press", args.press, "-n", "8", "--json", "-"])
        document = report["document"]
        print(f"document: {document['n_tokens']} tokens, read once in {document['prefill_ms']:.0f} ms; cache "
              f"{document['cache_bytes_full'] / 1e6:.1f} -> {document['cache_bytes_kept'] / 1e6:.1f} MB, {report['press']}")
        # A run compresses with the question in sight; so does --question-aware, and must keep and answer the same.
        aware = run([args.kvhost, "ask", *model, "--tokens-file", scratch / "doc.json", "--questions", scratch / "q.jsonl",
                     "--press", args.press, "-n", "8", "--question-aware", "--json", "-"])
        print(f"{'question':>10} {'ask: first token':>18} {'new run':>10} {'ratio':>7}   answer of a run: "
              "ask, ask --question-aware")
        ratios = []
        for name, question, answer, sighted in zip(NAMES, asked, report["answers"], aware["answers"]):
            (scratch / "all.json").write_text(json.dumps(ids + question))
            anew = run([args.kvhost, "run", *model, "--tokens-file", scratch / "all.json", "--press", args.press, "-n", "8",
                        "--json", "-"])
            ratio = anew["timings"]["ttft_ms"] / answer["ttft_ms"]
            ratios.append(ratio)
            same = ", ".join("same" if anew["tokens"] == a["tokens"] else "other" for a in (answer, sighted))
            print(f"{name:>10} {answer['ttft_ms']:15.1f} ms {anew['timings']['ttft_ms']:7.0f} ms {ratio:6.0f}x   {same}")
        print(f"median: the first token comes {median(ratios):.0f} times sooner")


def run(command):
    return json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout)


def tokens(kvhost, model, text, no_bos=False):
    command = [kvhost, "tokenize", *model, "-p", text, "--json", "-"] + (["--no-bos"] if no_bos else [])
    return run(command)["tokens"]


if __name__ == "__main__":
    main()
