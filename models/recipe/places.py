# SPDX-License-Identifier: Apache-2.0
"""How many tokens tell a place: how well book text can be copied by comparing so many, by counting alone, no model.

    places.py --data DATA --tokenizer models/demo/tokenizer.json

Continues the `copying` probes of evaluate.py with what follows the earlier place whose last tokens agree best (a random
one of equals). `k` compares the last k tokens in a row; `4 + bag` besides, among equals, how many of the tokens 4 to 8
back stand there too, in any order. An upper bound for a model whose attention compares no more than that.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from pathlib import Path

from intervals import shown
from probes import Probe, ProbeMaker
from tokenizers import Tokenizer

Agreement = Callable[[list[int], int], float]  # of the text's end with the text up to a place


def in_a_row(most: int) -> Agreement:
    """How many tokens, at most so many, agree without a gap."""
    def agreement(text: list[int], place: int) -> float:
        count = 0
        while count < min(most, place + 1) and text[place - count] == text[-1 - count]:
            count += 1
        return count
    return agreement


def with_bag(most: int, near: int, far: int) -> Agreement:
    """As in_a_row; equals are told by the tokens `near` to `far` back as a set."""
    row = in_a_row(most)
    def agreement(text: list[int], place: int) -> float:
        here, there = text[-1 - far : len(text) - near], text[max(0, place - far) : max(0, place - near + 1)]
        return row(text, place) + len(set(here) & set(there)) / 100
    return agreement


def share_copied(probe: Probe, agreement: Agreement, rng: random.Random) -> float:
    """Share of the answer that is repeated."""
    text, right = probe.context + probe.cue, 0
    for token in probe.answer:
        places = [i for i in range(len(text) - 1) if text[i] == text[-1]]
        scores = [agreement(text, place) for place in places]
        best = [place for place, score in zip(places, scores) if score == max(scores)]
        said = text[rng.choice(best) + 1] if best else 0
        right += said == token
        text = [*text, said]
    return right / len(probe.answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--distance", type=int, default=1600, help="of the copied passage, in tokens")
    parser.add_argument("--count", type=int, default=60, help="probes")
    args = parser.parse_args()
    maker = ProbeMaker(args.data, Tokenizer.from_file(str(args.tokenizer)))
    probes = [maker.copying(f"copying:{i}", args.distance) for i in range(args.count)]
    ways = {f"{k} in a row": in_a_row(k) for k in (2, 3, 4, 5, 6, 8)} | {"4 in a row + bag": with_bag(4, 4, 8)}
    for name, agreement in ways.items():
        rng = random.Random(1)
        print(f"{name:18} {shown([share_copied(probe, agreement, rng) for probe in probes])}", flush=True)


if __name__ == "__main__":
    main()
