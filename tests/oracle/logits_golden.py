# SPDX-License-Identifier: Apache-2.0
"""Golden logits of transformers (5.2.0, eager attention) for the tiny checkpoints, stories260k and the bundled model.

    python tests/oracle/logits_golden.py [--models tests/golden/models] [--shared ../shared] [--out tests/host/model/golden] [NAME ...]

One JSON per model: the prompt, logits of its last positions and its float32 greedy continuation, and transformers' own
error in bfloat16 (the yardstick for bfloat16 here): the largest difference of those logits between its two dtypes.
"""
import argparse
import json
import pathlib

import torch
import transformers
from tiny import load_model

ROOT = pathlib.Path(__file__).resolve().parents[2]
N_POSITIONS = 3
N_GREEDY = 64


def prompt_of(vocab, n, seed):
    return torch.randint(3, vocab, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


@torch.no_grad()
def logits_of(model, tokens):
    return model(torch.tensor([tokens])).logits[0].float()


def load(folder, dtype):
    return load_model(folder, dtype, attention="eager")


@torch.no_grad()
def golden(folder, n_prompt, n_greedy=N_GREEDY):
    model = load(folder, torch.float32)
    prompt = prompt_of(model.config.get_text_config().vocab_size, n_prompt, seed=n_prompt)
    full = logits_of(model, prompt)
    last = full[-N_POSITIONS:]
    tokens, margins = list(prompt), []
    for _ in range(n_greedy):
        top = logits_of(model, tokens)[-1].topk(2)
        margins.append((top.values[0] - top.values[1]).item())
        tokens.append(top.indices[0].item())
    error = (logits_of(load(folder, torch.bfloat16), prompt)[-N_POSITIONS:] - last).abs().max().item()
    greedy = tokens[n_prompt:]
    return {
        "transformers": transformers.__version__,
        "prompt": prompt,
        "logits": [[float(f"{x:.7g}") for x in row] for row in last.tolist()],
        "max_abs_logit": full.abs().max().item(),
        "bfloat16_error": error,
        "greedy": greedy,
        "greedy_smallest_margin": min(margins),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "tests/golden/models")
    parser.add_argument("--shared", type=pathlib.Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/host/model/golden")
    parser.add_argument("names", nargs="*", help="only these models (default: all)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    folders = {f.name: f for f in sorted(args.models.iterdir()) if (f / "config.json").exists()}
    bundled = ROOT / "models/demo"
    folders["demo"] = bundled if (bundled / "config.json").exists() else args.shared / "models/demo_prototype"
    folders["stories260k"] = args.shared / "models/stories260k"
    if unknown := set(args.names) - set(folders):
        parser.error(f"{', '.join(sorted(unknown))}: no such model; expected some of {', '.join(folders)}")
    for name, folder in folders.items():
        if args.names and name not in args.names:
            continue
        if not (folder / "config.json").exists():
            print(f"{name}: {folder} is absent, skipped")
            continue
        result = golden(folder, n_prompt=160 if name == "demo" else 120)
        (args.out / f"{name}.json").write_text(json.dumps(result) + "\n")
        print(f"{name:16} max|logit| {result['max_abs_logit']:8.3f}  bf16 error {result['bfloat16_error']:.4f}  "
              f"smallest margin {result['greedy_smallest_margin']:.4f}  distinct greedy tokens {len(set(result['greedy']))}")


if __name__ == "__main__":
    main()
