# SPDX-License-Identifier: Apache-2.0
"""Questions about held-out books: facts put into them, and passages that come back. Token ids, made from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import corpus
import numpy as np
from facts import ANIMALS, COLOURS, NAMES, THINGS, Fact, number
from rows import RowMaker
from tokenizers import Tokenizer

NOUNS = {"number": ["code", "number", "room"], "word": ["word", "gift", "sign"]}
WORDS = COLOURS + ANIMALS + THINGS


@dataclass(frozen=True)
class Probe:
    """A context, a cue that asks, and the tokens that are right; `depth` is 0 to 1."""

    context: list[int]
    cue: list[int]
    answer: list[int]
    depth: float


class ProbeMaker:
    """Draws probes from the held-out books."""

    def __init__(self, data: Path, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.books = [np.asarray(self.ids(corpus.read(p)), dtype=np.int64) for p in corpus.held_out_files(data)]
        self.rows = RowMaker(tokenizer, self.books[0], self.books[0])

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def stretch(self, rng: random.Random, length: int) -> np.ndarray:
        """Consecutive tokens of one book, its first pages left out."""
        book = rng.choice([b for b in self.books if len(b) > length + 2000])
        start = rng.randrange(1000, len(book) - length)
        return book[start : start + length]

    def fact(self, rng: random.Random, kind: str, name: str, noun: str) -> Fact:
        """A fact whose answer is a number of one to three digits, a word, or five digits."""
        if kind == "five digits":
            key = number(rng, 5)
            return Fact(f"The pass key is {key}. Remember it. {key} is the pass key.", "What is the pass key? The pass key is", key)
        value = number(rng, rng.choice((1, 2, 3))) if kind == "number" else rng.choice(WORDS)
        return Fact(f"The {noun} of {name} is {value}.", f"What is the {noun} of {name}?\nThe {noun} of {name} is", value)

    def facts(self, rng: random.Random, kind: str, count: int) -> list[Fact]:
        """Facts of one sort about different people."""
        noun = rng.choice(NOUNS.get(kind, NOUNS["number"]))
        return [self.fact(rng, kind, name, noun) for name in rng.sample(NAMES, count)]

    def place(self, text: np.ndarray, depth: float) -> int:
        """The end of a sentence nearest to a depth."""
        places = self.rows.sentence_ends(text)
        return int(places[np.abs(places - depth * len(text)).argmin()])

    def context(self, rng: random.Random, length: int, facts: list[Fact], depths: list[float]) -> list[int]:
        """A stretch of `length` tokens in all with each fact at its depth."""
        told = [self.ids(" " + fact.statement) for fact in facts]
        text = self.stretch(rng, length - 1 - sum(map(len, told)))
        ids, done = [0], 0
        for at, part in sorted((self.place(text, depth), part) for depth, part in zip(depths, told)):
            ids += text[done:at].tolist() + part
            done = at
        return ids + text[done:].tolist()

    def question(self, fact: Fact) -> tuple[list[int], list[int]]:
        return self.ids("\n\n" + fact.question), self.ids(" " + fact.answer)

    def needle(self, seed: str, kind: str, length: int, depth: float) -> Probe:
        """One fact, asked for at the end; `length` counts the question."""
        rng = random.Random(seed)
        fact = self.facts(rng, kind, 1)[0]
        cue, answer = self.question(fact)
        return Probe(self.context(rng, length - len(cue), [fact], [depth]), cue, answer, depth)

    def several(self, seed: str, kind: str, length: int, count: int) -> list[Probe]:
        """Facts spread over one context, one probe for each; the contexts are the same."""
        rng = random.Random(seed)
        facts = self.facts(rng, kind, count)
        depths = [(i + rng.random()) / count for i in range(count)]
        context = self.context(rng, length - len(self.question(facts[0])[0]), facts, depths)
        probes = [Probe(context, *self.question(fact), depth) for fact, depth in zip(facts, depths)]
        rng.shuffle(probes)
        return probes

    def copying(self, seed: str, distance: int, cue: int = 32, answer: int = 64) -> Probe:
        """Book text in which a passage begins again `distance` tokens after it was read."""
        rng = random.Random(seed)
        before = rng.randrange(32, 128)
        text = self.stretch(rng, before + distance).tolist()
        again = text[before : before + cue + answer]
        return Probe([0, *text], again[:cue], again[cue:], before / (before + distance))
