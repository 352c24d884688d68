# SPDX-License-Identifier: Apache-2.0
"""Rows of training: tokens and a loss weight for each, drawn from a random state alone.

book    a stretch of a book                         facts   a stretch with facts in it, questions later or at the end
quote   a stretch in which passages come back       list    keys and values, then keys to be answered
story   short simple stories                        again   a stretch, then long passages of it, from mid-sentence
babble  a few tokens in random order, then long passages of that: the last two tokens do not tell the place, the last four do
"""

from __future__ import annotations

import random

import corpus
import numpy as np
from facts import Fact, FactMaker, number
from tokenizers import Tokenizer

ANSWER = 4.0
QUOTED = 1.5
AGAIN = 3.5
FOUND = 5  # tokens of a passage after which its place can be known
LEAST_TEXT = 24  # tokens of book text around a list
Row = tuple[list[int], list[float]]


class RowMaker:
    """Draws rows; `texts` are token arrays by source."""

    def __init__(self, tokenizer: Tokenizer, books: np.ndarray, stories: np.ndarray) -> None:
        self.tokenizer, self.books, self.stories = tokenizer, books, stories
        self.facts = FactMaker(tokenizer.get_vocab())
        pieces = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
        self.ends = np.array([p[-1] in ".!?" or p in ('."', '!"', '?"') for p in pieces])
        self.opens = np.array([p[0] in "\u0120\u010a" for p in pieces])

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def stretch(self, rng: random.Random, length: int, source: np.ndarray | None = None) -> np.ndarray:
        """Consecutive tokens from a random place."""
        source = self.books if source is None else source
        return corpus.stretches(source, rng, 1, length)[0]

    def sentence_ends(self, text: np.ndarray) -> np.ndarray:
        """Places where a sentence may be put in: after an end, before a space or a new line."""
        places = np.nonzero(self.ends[text[:-1]] & self.opens[text[1:]])[0] + 1
        return np.concatenate([[0], places])

    def book(self, rng: random.Random, length: int) -> Row:
        return [0, *self.stretch(rng, length - 1).tolist()], [1.0] * length

    def story(self, rng: random.Random, length: int) -> Row:
        return [0, *self.stretch(rng, length - 1, self.stories).tolist()], [1.0] * length

    def asked(self, fact: Fact, lead: str) -> Row:
        """A question and its answer."""
        question, answer, stop = self.ids(lead + fact.question), self.ids(" " + fact.answer), self.ids(".")
        return question + answer + stop, [0.5] * len(question) + [ANSWER] * len(answer) + [1.0]

    def facts_row(self, rng: random.Random, length: int) -> Row:
        """Facts scattered in a stretch; some questions within it, at least one at its end."""
        count = min(rng.choice((1, 1, 2, 3, 4, 6, 8, 8, 10, 12)), max(1, length // 96))
        facts = self.facts.several(rng, count)
        if rng.random() < 0.15:
            facts[0] = self.facts.pass_key(rng)
        told = [self.ids(" " + fact.statement) for fact in facts]
        last = rng.sample(facts, min(count, rng.choice((1, 1, 2, 3, 4, 6))))
        end: Row = ([], [])
        for i, fact in enumerate(last):
            part = self.asked(fact, "\n\n" if i == 0 else rng.choice(("\n", "\n\n")))
            end[0].extend(part[0]), end[1].extend(part[1])
        within = [f for f in facts if f not in last and rng.random() < 0.5]
        return self.scatter(rng, length, facts, told, within, end)

    def scatter(self, rng, length: int, facts: list[Fact], told: list[list[int]], within: list[Fact], end: Row) -> Row:
        """Puts statements, then the questions within (later than their statements), into a stretch."""
        asked = {id(f): self.asked(f, "\n\n") for f in within}
        room = length - 1 - sum(map(len, told)) - sum(len(a[0]) for a in asked.values()) - len(end[0])
        text = self.stretch(rng, room)
        places = self.sentence_ends(text)
        inserts: list[tuple[int, int, Row]] = []
        for order, (fact, ids) in enumerate(zip(facts, told)):
            at = int(rng.choice(places))
            inserts.append((at, order, (ids, [0.5] * len(ids))))
            if id(fact) in asked:
                later = places[places >= at]
                inserts.append((int(rng.choice(later)), len(facts) + order, asked[id(fact)]))
        ids, weights, done = [0], [1.0], 0
        for at, _, part in sorted(inserts, key=lambda item: item[:2]):
            ids += text[done:at].tolist() + part[0]
            weights += [1.0] * (at - done) + part[1]
            done = at
        ids += text[done:].tolist() + end[0]
        return ids, weights + [1.0] * (len(text) - done) + end[1]

    def quote(self, rng: random.Random, length: int) -> Row:
        """A stretch in which passages of 24 to 400 tokens come back once, later, from anywhere before."""
        ids, weights = [0], [1.0]
        source = self.stretch(rng, length)
        used = 0
        first = rng.randrange(length // 8, length // 2)
        while len(ids) < length:
            fresh = first if used == 0 else rng.randrange(32, max(64, length // 6))
            ids += source[used : used + fresh].tolist()
            weights += [1.0] * fresh
            used += fresh
            span = min(rng.choice((24, 48, 64, 96, 128, 192, 256, 400)), len(ids) // 2)
            latest = len(ids) - span
            start = rng.randrange(1, latest + 1) if rng.random() < 0.5 else rng.randrange(1, max(2, latest // 2))
            ids += ids[start : start + span]
            weights += [1.0] * min(span, 4) + [QUOTED] * max(0, span - 4)
        return ids[:length], weights[:length]

    def passages(self, rng: random.Random, ids: list[int], weights: list[float], length: int) -> Row:
        """Goes on with passages of what is there, to the row's end: a text read again, a long way back."""
        first = len(ids)
        while len(ids) < length:
            span = min(rng.choice((64, 96, 96, 128, 192, 256, 384, 600)), first // 2)
            start = rng.randrange(1, first - span)
            ids += ids[start : start + span]
            weights += [0.3] * FOUND + [AGAIN] * (span - FOUND)
        return ids[:length], weights[:length]

    def again(self, rng: random.Random, length: int) -> Row:
        """A stretch of a book and passages of it, which begin in mid-sentence."""
        first = int(length * rng.uniform(0.35, 0.8))
        return self.passages(rng, [0, *self.stretch(rng, first - 1).tolist()], [1.0] * first, length)

    def babble(self, rng: random.Random, length: int) -> Row:
        """A few tokens of a book, drawn again and again, and passages of that; only what is repeated can be known."""
        first = int(length * rng.uniform(0.3, 0.6))
        few = self.stretch(rng, int(4 * 12 ** rng.random())).tolist()
        return self.passages(rng, [0, *rng.choices(few, k=first - 1)], [0.0] * first, length)

    def list_row(self, rng: random.Random, length: int) -> Row:
        """Keys and values, one a line, in front of, behind or around book text; then keys to be answered."""
        pairs: dict[str, str] = {}
        while len(pairs) < min(length // 24, rng.choice((8, 16, 24, 32, 48, 64))):
            key = self.facts.name(rng) if rng.random() < 0.5 else rng.choice(self.facts.lower)
            pairs[key] = number(rng, rng.choice((2, 3, 3))) if rng.random() < 0.7 else rng.choice(self.facts.lower)
        lines = self.ids("\n" + "".join(f"\n {key}: {value}" for key, value in pairs.items()) + "\n\n")
        listed: Row = (lines, [0.3] * len(lines))
        end: Row = ([], [])
        for key in rng.sample(sorted(pairs), min(len(pairs), 8)):
            ask, answer = self.ids(f"\n\nWhat stands beside {key}?\n {key}:"), self.ids(" " + pairs[key])
            if len(lines) + len(end[0]) + len(ask) + len(answer) > length - LEAST_TEXT:
                break
            end[0].extend(ask + answer), end[1].extend([0.3] * len(ask) + [ANSWER] * len(answer))
        text = self.stretch(rng, length - 1 - len(listed[0]) - len(end[0])).tolist()
        cut = int(rng.choice(self.sentence_ends(np.asarray(text))))
        ids = [0, *text[:cut], *listed[0], *text[cut:], *end[0]]
        return ids, [1.0] * (1 + cut) + listed[1] + [1.0] * (len(text) - cut) + end[1]

    def draw(self, rng: random.Random, length: int, mix: dict[str, float]) -> Row:
        """A row of the given length, of a kind drawn by the mix."""
        kind = rng.choices(list(mix), list(mix.values()))[0]
        makers = {"book": self.book, "story": self.story, "facts": self.facts_row, "quote": self.quote, "again": self.again,
                  "babble": self.babble, "list": self.list_row}
        ids, weights = makers[kind](rng, length)
        if len(ids) != length or len(weights) != length:
            raise AssertionError(f"{kind}: {len(ids)} tokens, {len(weights)} weights, {length} wanted")
        return ids, weights
