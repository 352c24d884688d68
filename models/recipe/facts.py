# SPDX-License-Identifier: Apache-2.0
"""Facts: a sentence that states one, the question that asks for it, and the answer of one to three tokens."""

from __future__ import annotations

import random
from dataclasses import dataclass

NAMES = """Leonard Brice Gerard Walter Sophy Henry Castle Alice Martin Clara Edward Ruth Philip Agnes Thomas Emma Arthur
Helen Robert Julia Stephen Laura Francis Grace Oliver Harriet Charles Martha Gilbert Rose Edgar Lucy Hugh Margaret Ralph
Dorothy Victor Esther Simon Flora Roger Hannah Peter Ellen Daniel Maria Samuel Bertha James Caroline Andrew Susan Jacob
Rachel Lewis Frances Paul Marian Adam Kate George Eleanor Joseph Isabel Harold Alfred Nancy Richard Sarah Michael Anna
Frank Judith David Louise William Amelia Benjamin Rebecca Patrick Barbara Nicholas Mary Jonathan Elizabeth""".split()
PLACES = """London Paris Rome Berlin Venice Boston Dublin Oxford Egypt Spain Russia Holland Vienna Naples Athens Denmark
Norway Geneva Milan Florence Cambridge Scotland Ireland Turkey Portugal Sweden India China Cuba Canada Mexico""".split()
JOBS = """baker doctor lawyer painter sailor teacher farmer miller smith judge priest soldier singer clerk hunter
gardener printer banker tailor writer captain surgeon merchant servant driver shepherd""".split()
THINGS = """hammer ring candle lantern knife basket letter mirror bottle ribbon sword pistol rope kettle blanket feather
purse watch flute coin shovel pencil umbrella hat map drum bell key barrel saddle violin stone book pipe cup glove
stick box chain flag shoe spoon needle wheel lamp""".split()
COLOURS = "red blue green yellow white black brown purple grey pink golden silver orange scarlet".split()
ANIMALS = "horse dog cat goat cow pig sheep fox wolf bear lion tiger mouse rabbit hen duck goose eagle snake owl".split()
NUMBERED = "code number room ticket seat house badge page score box".split()
WORDED = ["word", "password", "secret", "sign", "gift", "prize", "treasure"]

# Statement and the line that asks: {n} a name, {a} a noun, {v} the value. The answer follows the question after a space.
NOUN_FORMS = [
    ("The {a} of {n} is {v}.", "What is the {a} of {n}?\nThe {a} of {n} is"),
    ("The {a} of {n} is {v}.", "What is the {a} of {n}? The {a} of {n} is"),
    ("The {a} of {n} is {v}.", "Tell me the {a} of {n}.\nThe {a} of {n} is"),
    ("The {a} of {n} was {v}.", "What was the {a} of {n}?\nThe {a} of {n} was"),
    ("Remember that the {a} of {n} is {v}.", "What is the {a} of {n}?\nThe {a} of {n} is"),
    ("The {a} of {n} is {v}.", "Question: What is the {a} of {n}?\nAnswer: The {a} of {n} is"),
    ("The {a} of {n} is {v}.", "What is the {a} of {n}?\nIt is"),
    ("The {a} of {n} is {v}.", "Question: What is the {a} of {n}?\nAnswer:"),
]
NOUN_WEIGHTS = [40, 10, 8, 6, 8, 10, 6, 6]
VERB_FORMS = [
    (PLACES, "{n} lives in {v}.", "Where does {n} live? {n} lives in"),
    (PLACES, "{n} was born in {v}.", "Where was {n} born? {n} was born in"),
    (JOBS, "{n} works as a {v}.", "What is the work of {n}? {n} works as a"),
    (THINGS, "{n} carries a {v}.", "What does {n} carry? {n} carries a"),
    (THINGS, "{n} has hidden the {v}.", "What has {n} hidden? {n} has hidden the"),
    (COLOURS, "The colour of {n} is {v}.", "What is the colour of {n}?\nThe colour of {n} is"),
    (ANIMALS, "The animal of {n} is the {v}.", "What is the animal of {n}?\nThe animal of {n} is the"),
    (NAMES, "The friend of {n} is {v}.", "Who is the friend of {n}?\nThe friend of {n} is"),
]


@dataclass(frozen=True)
class Fact:
    """A statement, a question that ends where the answer begins, and the answer (no space before it)."""

    statement: str
    question: str
    answer: str


def number(rng: random.Random, digits: int) -> str:
    """A number of so many digits that does not begin with 0."""
    return str(rng.randrange(10 ** (digits - 1), 10**digits))


def words_of(vocabulary: dict[str, int]) -> tuple[list[str], list[str]]:
    """Lower-case words and capitalised ones that are single pieces after a space."""
    words = sorted(w[1:] for w in vocabulary if w.startswith("\u0120") and w[1:].isascii() and w[1:].isalpha())
    lower = [w for w in words if w.islower() and len(w) >= 4]
    return lower, [w for w in words if w.istitle() and len(w) >= 4]


class FactMaker:
    """Draws facts; the wider vocabulary of the tokenizer joins the lists above."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self.lower, self.capital = words_of(vocabulary)

    def name(self, rng: random.Random) -> str:
        return rng.choice(NAMES if rng.random() < 0.6 or not self.capital else self.capital)

    def noun_value(self, rng: random.Random) -> tuple[str, str]:
        """A noun and a value that goes with it: numbers up to three digits, else words."""
        if rng.random() < 0.55:
            return rng.choice(NUMBERED), number(rng, rng.choice((1, 2, 2, 3, 3, 3)))
        pool = rng.choice((THINGS, COLOURS, ANIMALS, PLACES, NAMES, self.lower, self.lower, self.lower))
        return rng.choice(WORDED), rng.choice(pool)

    def draw(self, rng: random.Random, name: str) -> Fact:
        """One fact about a name."""
        if rng.random() < 0.25:
            pool, statement, question = rng.choice(VERB_FORMS)
            value = rng.choice([v for v in pool if v != name])
            return Fact(statement.format(n=name, v=value), question.format(n=name), value)
        noun, value = self.noun_value(rng)
        statement, question = rng.choices(NOUN_FORMS, NOUN_WEIGHTS)[0]
        return Fact(statement.format(a=noun, n=name, v=value), question.format(a=noun, n=name), value)

    def several(self, rng: random.Random, count: int) -> list[Fact]:
        """Facts about different names; half the time all of one sort, so that only the name tells them apart."""
        names: list[str] = []
        while len(names) < count:
            name = self.name(rng)
            if name not in names:
                names.append(name)
        if rng.random() < 0.5:
            return [self.draw(rng, name) for name in names]
        return self.alike(rng, names)

    def alike(self, rng: random.Random, names: list[str]) -> list[Fact]:
        """Facts that share noun and wording."""
        statement, question = rng.choices(NOUN_FORMS, NOUN_WEIGHTS)[0]
        noun, first = self.noun_value(rng)
        digits = len(first) if first.isdigit() else 0
        draw = (lambda: number(rng, max(digits, 2))) if digits else (lambda: rng.choice(THINGS + self.lower))
        values = [draw() for _ in names]
        return [Fact(statement.format(a=noun, n=n, v=v), question.format(a=noun, n=n), v) for n, v in zip(names, values)]

    def pass_key(self, rng: random.Random) -> Fact:
        """The wide one: five digits, said twice."""
        key = number(rng, 5)
        statement = f"The pass key is {key}. Remember it. {key} is the pass key."
        return Fact(statement, "What is the pass key? The pass key is", key)
