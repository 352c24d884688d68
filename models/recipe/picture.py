# SPDX-License-Identifier: Apache-2.0
"""Draws how the layers and heads of a model differ: effective ranks and entropies of attention, as an SVG.

    picture.py --model models/demo --out models/recipe/results/attention.svg

Rank: of a layer's head-averaged attention over a text, exp of the entropy of its normalised singular values. Entropy: of
a head's attention, in nats, mean over the queries. Texts: the first --texts held-out books, --tokens tokens of each.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import corpus
import torch
from tokenizers import Tokenizer

CELL, TOP, BAR = 46, 56, 220


@torch.no_grad()
def measured(folder: Path, data: Path, texts: int, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ranks [layers] and entropies [layers, heads], means over the texts."""
    from transformers import AutoModelForCausalLM, logging

    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ranks, entropies = [], []
    for path in corpus.held_out_files(data)[:texts]:
        ids = [0, *tokenizer.encode(corpus.read(path)[20000:], add_special_tokens=False).ids[: tokens - 1]]
        maps = torch.cat(model(torch.tensor([ids]), output_attentions=True).attentions)  # [layers, heads, q, kv]
        values = torch.linalg.svdvals(maps.mean(1))
        shares = values / values.sum(-1, keepdim=True)
        ranks.append(torch.special.entr(shares).sum(-1).exp())
        entropies.append(torch.special.entr(maps).sum(-1).mean(-1))
    return torch.stack(ranks).mean(0), torch.stack(entropies).mean(0)


def label(x: float, y: float, text: str, size: int = 12, anchor: str = "middle", fill: str = "#222") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">{text}</text>'


def bars(ranks: list[float], tokens: int) -> list[str]:
    """One bar a layer, as long as the rank's share of the tokens."""
    parts = [label(60, 20, f"effective rank of {tokens} tokens", anchor="start")]
    for layer, rank in enumerate(ranks):
        y = TOP + layer * CELL
        parts.append(label(52, y + 28, f"layer {layer}", anchor="end"))
        parts.append(f'<rect x="60" y="{y + 6}" width="{BAR * rank / tokens:.1f}" height="{CELL - 12}" fill="#4878a8"/>')
        parts.append(label(64 + BAR * rank / tokens, y + 28, f"{rank:.0f}", anchor="start"))
    return parts


def squares(entropies: list[list[float]], left: int) -> list[str]:
    """One square a head, darker where the attention is spread wider."""
    widest = max(max(row) for row in entropies)
    parts = [label(left, 20, "entropy of attention by head, nats", anchor="start")]
    parts += [label(left + (h + 0.5) * CELL, TOP - 8, str(h)) for h in range(len(entropies[0]))]
    for layer, row in enumerate(entropies):
        for head, value in enumerate(row):
            shade = value / widest
            red, green, blue = (round(255 - shade * d) for d in (185, 135, 87))
            x, y = left + head * CELL, TOP + layer * CELL
            parts.append(f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" fill="rgb({red},{green},{blue})"/>')
            parts.append(label(x + CELL / 2 - 1, y + 28, f"{value:.1f}", fill="#fff" if shade > 0.6 else "#222"))
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--texts", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="SVG to write; its figures go beside it as .json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    ranks, entropies = (values.tolist() for values in measured(args.model, args.data, args.texts, args.tokens))
    left = 60 + BAR + 90
    width, height = left + len(entropies[0]) * CELL + 10, TOP + len(ranks) * CELL + 10
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">'
    body = [head, f'<rect width="{width}" height="{height}" fill="#fff"/>', *bars(ranks, args.tokens), *squares(entropies, left)]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join([*body, "</svg>"]) + "\n")
    found = {"tokens": args.tokens, "texts": args.texts, "ranks": ranks, "entropies": entropies}
    args.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    print("ranks", *(f"{r:.0f}" for r in ranks), "· entropies", f"{min(map(min, entropies)):.2f} to {max(map(max, entropies)):.2f}")


if __name__ == "__main__":
    main()
