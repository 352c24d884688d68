# SPDX-License-Identifier: Apache-2.0
"""`kvhost score` on GGUF files against transformers on the same files, dequantised, in float32.

    .venv-oracle/bin/python tests/oracle/gguf_compare.py [--kvhost BIN] [--tokens N] [FILE.gguf ...]

Default files: the fetched SmolLM2 and Gemma 3 270M, where they are. The tokens are those of a text, by kvhost's reading
of the file's tokenizer. (The tiny files of tests/golden/gguf are compared with their folders in C++.) Exit 1 where a
log-probability differs by more than the tolerance, in nats. Passes of many tokens are exact to 2e-5; passes of few
multiply quantised blocks by activations that are rounded, which the tolerance allows for.
"""

import json
import os
from pathlib import Path

import torch
import transformers
from common import ROOT, Host, make_parser, print_table

TOLERANCE = 5e-3


def fetched():
    home = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "kvhost/models"
    return sorted(home.glob("smollm2/*.gguf")) + sorted(home.glob("gemma3-270m/*.gguf"))


def tokens_of(host, file, n):
    text = (ROOT / "DEVELOPERS.md").read_text()[: 6 * n]
    _, out = host.call(["tokenize", "--model", file, "-p", text, "--json", "-"])
    return json.loads(out)["tokens"][:n]


def log_probs(file, tokens, n_context):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0].float()
    rows = logits[n_context - 1:-1].log_softmax(-1)
    return rows[torch.arange(len(rows)), torch.tensor(tokens[n_context:])]


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("files", nargs="*", type=Path)
    args = parser.parse_args()
    host = Host(args.kvhost)
    rows, good = [], True
    files = args.files or fetched()
    if not files:
        print("SKIPPED: no GGUF file is there; get one with: kvhost fetch smollm2")
    for file in files:
        tokens = tokens_of(host, file, args.tokens)
        n_context = len(tokens) // 2
        prompt = ["--tokens-file", host.write_tokens(tokens[:n_context]),
                  "--continuation-file", host.write_tokens(tokens[n_context:])]
        score, _ = host.run_json(["score", "--model", file, *prompt, "--press", "none", "--dtype", "float32"], "--json")
        found = torch.tensor(score["logprobs"])
        error = (found - log_probs(file, tokens, n_context)).abs().max().item()
        good &= error <= TOLERANCE
        rows.append([file.name, len(tokens), f"{error:.2e}", "ok" if error <= TOLERANCE else "OFF"])
    print_table(["file", "tokens", "largest error", ""], rows)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
