#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lm-eval's `local-completions`, unmodified, on `kvhost serve`, beside its `hf` backend on the same model; then methods by shares.

    pip install lm-eval[api,hf] gguf
    tests/oracle/serve_lm_eval.py build/release/bin/kvhost [--model models/demo | FILE.gguf] [--json FILE]

Requests are made of the bundled prompts: a passage, and its own continuation beside those of other passages (multiple choice,
and what the right one's log-likelihood is). Without compression both backends must agree within 1e-4 a token. A GGUF file is made a
folder of float32 first, which both read.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", HF_HUB_DISABLE_PROGRESS_BARS="1")

from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.models.openai_completions import LocalCompletionsAPI  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
N_CHOICES = 4


def passages(n, n_words):
    """(context, continuation) of n places of the text."""
    texts = [json.loads(file.read_text())["text"] for file in sorted((ROOT / "models/demo/prompts").glob("*.json"))]
    words = " ".join(texts).split()
    step = max(1, (len(words) - n_words - 12) // n)
    return [(" ".join(words[i * step:i * step + n_words]), " " + " ".join(words[i * step + n_words:i * step + n_words + 6]))
            for i in range(n)]


def requests(pairs):
    """Every context with its own continuation and those of the next ones."""
    out = []
    for i, (context, _) in enumerate(pairs):
        for k in range(N_CHOICES):
            choice = pairs[(i + k) % len(pairs)][1]
            out.append(Instance(request_type="loglikelihood", doc={}, arguments=(context, choice), idx=k))
    return out


def figures(answers):
    """Share of contexts whose own continuation is the likeliest, and its mean log-likelihood."""
    own = answers[::N_CHOICES]
    right = sum(max(range(N_CHOICES), key=lambda k: answers[i * N_CHOICES + k][0]) == 0 for i in range(len(own)))
    return right / len(own), sum(answer[0] for answer in own) / len(own)


class Server:
    def __init__(self, program, model, *flags):
        self.process = subprocess.Popen([program, "serve", "--model", model, "--port", "0", "--dtype", "float32", *flags],
                                        stdout=subprocess.PIPE, text=True)
        self.url = next(line for line in self.process.stdout if line.startswith("listening")).split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def by_server(program, model, asked, *flags):
    with Server(program, model, *flags) as server:
        lm = LocalCompletionsAPI(base_url=server.url + "/v1/completions", model=Path(model).name, tokenizer=model,
                                 tokenizer_backend="huggingface", batch_size=8, max_length=2048,
                                 add_bos_token=True)  # as the hf backend does for this tokenizer
        return lm.loglikelihood(asked, disable_tqdm=True)


def as_folder(model, folder):
    """The model as a Hugging Face folder: itself, or what is in a GGUF file, as numbers, written to `folder`."""
    if not model.endswith(".gguf"):
        return model
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, name = Path(model).parent, Path(model).name
    AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32).save_pretrained(folder)
    AutoTokenizer.from_pretrained(place, gguf_file=name).save_pretrained(folder)
    return folder


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", default=str(ROOT / "models/demo"))
    parser.add_argument("--contexts", type=int, default=24)
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--press", action="append")
    parser.add_argument("--keep-ratio", action="append", type=float)
    parser.add_argument("--json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        args.model = as_folder(args.model, folder)
        return compare(args)


def compare(args):
    asked = requests(passages(args.contexts, args.words))

    hf = HFLM(pretrained=args.model, dtype="float32", device="cpu", batch_size=8)
    expected = hf.loglikelihood(asked, disable_tqdm=True)
    none = by_server(args.program, args.model, asked, "--press", "none")
    n_tokens = [len(hf.tok_encode(request.args[1])) for request in asked]
    worst = max(abs(a[0] - b[0]) / n for a, b, n in zip(expected, none, n_tokens))
    greedy = sum(a[1] != b[1] for a, b in zip(expected, none))
    print(f"press none beside hf: {len(asked)} requests, largest difference {worst:.2e} a token, {greedy} differ in is_greedy")

    rows = [{"press": "none", "keep_ratio": 1.0, "accuracy": figures(none)[0], "loglikelihood": figures(none)[1]}]
    for press in args.press or []:
        for ratio in args.keep_ratio or []:
            answers = by_server(args.program, args.model, asked, "--press", press, "--keep-ratio", str(ratio), "--min-entries", "0")
            accuracy, likelihood = figures(answers)
            rows.append({"press": press, "keep_ratio": ratio, "accuracy": accuracy, "loglikelihood": likelihood})
            print(f"{press:24} {ratio:5.2f}  accuracy {accuracy:.3f}  log-likelihood {likelihood:8.3f}", flush=True)
    print(f"{'none':24} {1:5.2f}  accuracy {rows[0]['accuracy']:.3f}  log-likelihood {rows[0]['loglikelihood']:8.3f}")
    if args.json:
        Path(args.json).write_text(json.dumps({"worst_per_token": worst, "rows": rows}, indent=1) + "\n")
    return 0 if worst <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
