# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/tasks/metrics.json: 200 answers per rule with the scores that the common Python packages, or the
benchmarks' public definitions, give them.

    .venv-oracle/bin/python tests/oracle/metrics_golden.py

ROUGE-L is the package rouge's, the similarities are fuzzywuzzy's and rapidfuzz's. kvpress's package does not carry its
evaluation folder; what no package has is written here from the definitions of RULER, LongBench and InfiniteBench.
"""

import difflib
import json
import random
import re
import string
from collections import Counter

from common import ROOT
from fuzzywuzzy import fuzz as fuzzywuzzy
from rapidfuzz import fuzz as rapidfuzz
from rouge import Rouge

N_CASES = 200
WORDS = """the a an cat Cat sat on mat. Mat dog's over under The A An theatre answer is: 42 007 7 3.5 -12 Paris
paris; "Paris" (London) New York U.S.A. 1,024 x=1 e.g. naïve Éclair CAFÉ straße İstanbul ΟΔΟΣ Größe 北京 大学。 ，
Paragraph 3 Paragraph 12 段落5 one two three four five six seven_eight nine ten don't it's A. B C) D: E the_a ٣٤""".split()
CODE = ["def f(x):", "    return x + 1", "# a comment", "// note", "```python", "x = [1, 2, 3]", "for i in range(10):", "",
        "print(\"ü\")", "return x+1"]  # fmt: skip
CLASSES = ["Sport", "Sports news", "news", "Person", "Group of persons", "Date", "Other", "Other number", "number", "Date"]
ENDS = ["\n", "\t", "\x01", "\u3000", ". ", "  ", "\u2028", "\r\n", "\x1f", "! "]


def text(rng: random.Random, low: int, high: int) -> str:
    out = ""
    for _ in range(rng.randint(low, high)):
        out += rng.choice(WORDS) + (rng.choice(ENDS) if rng.random() < 0.25 else " ")
    return out if rng.random() < 0.5 else out.strip()


def near(rng: random.Random, reference: str) -> str:
    """The reference as a model might say it: cut, wrapped, changed, or something else."""
    kind = rng.randrange(7)
    if kind == 0:
        return reference
    if kind == 1:
        return text(rng, 0, 12)
    if kind == 2:
        return text(rng, 0, 4) + " " + reference + " " + text(rng, 0, 4)
    parts = reference.split(" ")
    if kind == 3:
        rng.shuffle(parts)
    elif kind == 4:
        parts = parts[: rng.randint(0, len(parts))]
    elif kind == 5:
        parts = [p for p in parts if rng.random() < 0.7]
    else:
        return reference.upper()
    return " ".join(parts)


# Definitions.


def normalized(s: str) -> str:
    s = "".join(c for c in s.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", s).split())


def f1(prediction: list, reference: list) -> float:
    same = sum((Counter(prediction) & Counter(reference)).values())
    if same == 0:
        return 0.0
    p, r = same / len(prediction), same / len(reference)
    return 2 * p * r / (p + r)


def token_f1(prediction: str, reference: str) -> float:
    return f1(normalized(prediction).split(), normalized(reference).split())


CHINESE = "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏."  # noqa: E501, RUF001


def char_f1_zh(prediction: str, reference: str) -> float:
    def clean(s: str) -> list:
        return list("".join("".join(c for c in s.lower() if c not in set(string.punctuation + CHINESE)).split()))

    return f1(clean(prediction), clean(reference))


def rouge_l(prediction: str, reference: str) -> float:
    try:
        return Rouge().get_scores([prediction], [reference], avg=True)["rouge-l"]["f"]
    except ValueError:  # of an empty text
        return 0.0


def code_similarity(prediction: str, reference: str) -> float:
    line = next((x for x in prediction.lstrip("\n").split("\n") if not ("`" in x or "#" in x or "//" in x)), "")
    return fuzzywuzzy.ratio(line, reference) / 100


def share(numbers: list, right: str) -> float:
    return sum(n == right for n in numbers) / len(numbers) if numbers else 0.0


def count(prediction: str, reference: str) -> float:
    return share(re.findall(r"\d+", prediction), reference)


def retrieval(prediction: str, reference: str) -> float:
    return share(re.findall(r"\d+", prediction), re.findall(r"(?:Paragraph |段落)(\d+)", reference)[0])


def classification(prediction: str, reference: str, classes: list) -> float:
    named = [c for c in classes if c in prediction]
    for c in named:  # shortened while walked, as LongBench does
        if c in reference and c != reference:
            named.remove(c)
    return 1 / len(named) if reference in named else 0.0


def ruler(prediction: str) -> str:
    return re.sub(r"[\x00-\x1f]", "", prediction.strip()).strip().lower()


def string_match_all(prediction: str, references: list) -> float:
    return sum(r.lower() in ruler(prediction) for r in references) / len(references)


def string_match_part(prediction: str, references: list) -> float:
    return max(float(r.lower() in ruler(prediction)) for r in references)


def first_integer(prediction: str, reference: str) -> float:
    return float(next((x for x in re.split("[^0-9]", prediction) if x), "") == reference)


def first_number(prediction: str, reference: str) -> float:
    found = re.search(r"[0-9]+\.[0-9]+|[0-9]+", prediction)
    if not found:
        return 0.0
    if "." in reference:
        return float(float(found.group(0)) == float(reference))
    return float("." not in found.group(0) and int(found.group(0)) == int(reference))


def last_integer(prediction: str, reference: str) -> float:
    for c in "\n.`'\":":
        prediction = prediction.strip().replace(c, " ")
    last = (prediction.split() or [""])[-1]
    return float(re.fullmatch("[+-]?[0-9]+", last) is not None and int(last) == int(reference))


def leading_numbers(prediction: str, references: list) -> float:
    said = [int(x) for x in re.split("[^0-9]", prediction) if x]
    n = 0
    while n < min(len(said), len(references)) and said[n] == int(references[n]):
        n += 1
    return n / len(references)


def word_match(prediction: str, reference: str) -> float:
    for c in "\n:\"'.,?!{}":
        prediction = prediction.replace(c, " ")
    return float(reference in prediction.split())


def any_name(prediction: str, references: list) -> float:
    return float(any(r.upper() in prediction.strip().upper() for r in references))


def squeezed(s: str, gone: list) -> str:
    for c in gone:
        s = s.replace(c, " ")
    while "  " in s:
        s = s.replace("  ", " ")
    return s


def behind(s: str, prefixes: list, labels: list) -> float | None:
    for prefix in prefixes:
        if (at := s.find(prefix)) >= 0:
            return float(any(s[at + len(prefix) + 1 :].startswith(x) for x in labels) and len(s) > at + len(prefix))
    return None


def letter_choice(prediction: str, labels: list) -> float:
    s = prediction.strip()
    lone = re.search(r"\b[A-D]\b(?!.*\b[A-D]\b)", s)
    if lone and lone.group(0) in labels:
        return 1.0
    if not s:
        return 0.0
    if s[0] in "ABCD":
        return float(s[0] in labels)
    if s in labels:
        return 1.0
    s = squeezed(s, ["\n", '"', "'", ".", ",", "?", "!", "{", "}"])
    if (told := behind(s, ["answer is:", "answer:", "answer is", "option is"], labels)) is not None:
        return told
    return float(next((w in labels for w in s.split() if w in "ABCD"), False))


def code_choice(prediction: str, labels: list) -> float:
    s = prediction.strip()
    lone = re.search(r"\b[A-J]\b(?!.*\b[A-J]\b)", s)
    if lone and lone.group(0) == labels[1]:
        return 1.0
    s = squeezed(s, ["\n", "`", "'", '"', "-", "*", "Option", "option"])
    if s.startswith((labels[1], labels[0])):
        return 1.0
    return behind(s, ["answer is:", "is:", "answer:", "correct option is:"], [labels[1], labels[0]]) or 0.0


def leakage(answer: str, secret: str) -> float:
    a, b = " ".join(answer.lower().split()), " ".join(secret.lower().split())
    return difflib.SequenceMatcher(None, a, b, autojunk=False).find_longest_match().size / len(b) if b else 0.0


# Cases.


def pairs(rng: random.Random, rule, low: int = 1, high: int = 14) -> list:
    """One to three references; the best counts."""
    out = []
    for _ in range(N_CASES):
        references = [text(rng, low, high) for _ in range(rng.randint(1, 3))]
        prediction = near(rng, rng.choice(references))
        out.append([prediction, references, [], max(rule(prediction, r) for r in references)])
    return out


def listed(rng: random.Random, rule, draw) -> list:
    out = []
    for _ in range(N_CASES):
        prediction, references = draw(rng)
        out.append([prediction, references, [], rule(prediction, references)])
    return out


def single(rule):
    return lambda prediction, references: rule(prediction, references[0])


def numbers(rng: random.Random) -> tuple:
    right = str(rng.choice([7, 42, 71432, 0, 12]))
    others = [rng.choice([right, "0" + right, "-" + right, right + ".0", "3.5", "12", "x", ":", "\n", "`", "٣", "no."])
              for _ in range(rng.randint(0, 6))]  # fmt: skip
    return " ".join(others) + rng.choice(["", ".", "\n", '"']), [right]


def decimals(rng: random.Random) -> tuple:
    right = rng.choice(["3.5", "12", "0.25", "7"])
    said = rng.choice([right, "3.50", "12.0", "012", "3.", "is 3.5.1", "", ".25", right + " or 4"])
    return rng.choice(["", "It is ", "\n"]) + said, [right]


def signed(rng: random.Random) -> tuple:
    prediction, right = numbers(rng)
    return prediction, [rng.choice(["-", ""]) + right[0]]


def sums(rng: random.Random) -> tuple:
    right = [str(rng.randint(0, 30)) for _ in range(rng.randint(1, 8))]
    said = right[: rng.randint(0, len(right))] + [str(rng.randint(0, 30)) for _ in range(rng.randint(0, 3))]
    return "[" + ", ".join(said) + "]", right


def parts(rng: random.Random) -> tuple:
    references = [rng.choice(WORDS) for _ in range(rng.randint(1, 5))]
    said = [r for r in references if rng.random() < 0.5]
    glue = rng.choice([" ", ", ", "\n", ""])
    return text(rng, 0, 6) + glue.join(said).swapcase() + text(rng, 0, 3), references


def cut_inside(rng: random.Random) -> tuple:
    """A control character inside what is looked for."""
    prediction, references = parts(rng)
    at = rng.randint(0, len(prediction))
    return prediction[:at] + rng.choice(["\n", "\x02", "\t", ""]) + prediction[at:], references


def letters(rng: random.Random) -> tuple:
    labels = rng.choice([["Walking Georgie", "B"], ["A dog", "A"], ["the house", "D"], ["C"]])
    said = rng.choice(["", "The answer is: ", "answer:", "option is B", "answer is:", "I think ", "A or B\nC ", "\"", "ü",
                       "The answer iső"])  # fmt: skip
    said += rng.choice(["A", "B", "C.", "D", "BC", "AB is", labels[0], "", "E", "(B)", "none", "_B_", "\nD", "A\nB", " éA"])
    return said, labels


def functions(rng: random.Random) -> tuple:
    labels = rng.choice([["do_it", "B"], ["parse", "H"], ["A.run", "J"]])
    said = rng.choice(["", "answer is: ", "The answer:", "Option ", "is:", "correct option is: ", "- ", "**", "`", "I say "])
    said += rng.choice([labels[0], labels[1], "K", "A", "do_it()", "HH", "", "B then J", "J\nA", "Option B"])
    return said, labels


def classes(rng: random.Random) -> list:
    out = []
    for _ in range(N_CASES):
        reference = rng.choice(CLASSES)
        said = [reference] if rng.random() < 0.6 else []
        said += [rng.choice(CLASSES) for _ in range(rng.randint(0, 3))]
        rng.shuffle(said)
        known = rng.sample(CLASSES, rng.randint(4, len(CLASSES)))
        prediction = rng.choice([", ", " "]).join(said)
        out.append([prediction, [reference], known, classification(prediction, reference, known)])
    return out


def code(rng: random.Random) -> list:
    out = []
    for _ in range(N_CASES):
        reference = rng.choice(CODE) if rng.random() < 0.8 else text(rng, 0, 6)
        lines = [rng.choice(CODE) for _ in range(rng.randint(0, 4))]
        if rng.random() < 0.5:
            lines.insert(0, near(rng, reference))
        prediction = "\n" * rng.randint(0, 2) + "\n".join(lines)
        out.append([prediction, [reference], [], code_similarity(prediction, reference)])
    return out


def counted(rng: random.Random, rule, form: str) -> list:
    out = []
    for _ in range(N_CASES):
        reference = form.format(rng.choice([3, 7, 12, 30]))
        said = [rng.choice(["3", "7", "12", "30", "Paragraph 3", "Paragraph 12", "段落5", "x"]) for _ in range(rng.randint(0, 5))]
        prediction = rng.choice([" ", ", ", "."]).join(said)
        out.append([prediction, [reference], [], rule(prediction, reference)])
    return out


def main() -> None:
    rng = random.Random(13)
    golden = {
        "token_f1": pairs(rng, token_f1),
        "char_f1_zh": pairs(rng, char_f1_zh),
        "exact_match": pairs(rng, lambda p, r: float(normalized(p) == normalized(r)), 1, 4),
        "rouge_l": pairs(rng, rouge_l, 1, 40),
        "edit_similarity": pairs(rng, lambda p, r: rapidfuzz.ratio(p, r) / 100),
        "code_similarity": code(rng),
        "leakage": pairs(random.Random(14), leakage, 4, 30),
        "classification": classes(rng),
        "count": counted(rng, count, "{}"),
        "retrieval": counted(rng, retrieval, "Paragraph {}")[:150] + counted(rng, retrieval, "段落{}")[:50],
        "string_match_all": listed(rng, string_match_all, cut_inside),
        "string_match_part": listed(rng, string_match_part, cut_inside),
        "first_integer": listed(rng, single(first_integer), numbers),
        "first_number": listed(rng, single(first_number), decimals),
        "last_integer": listed(rng, single(last_integer), signed),
        "leading_numbers": listed(rng, leading_numbers, sums),
        "word_match": listed(rng, single(word_match), parts),
        "any_name": listed(rng, any_name, parts),
        "letter_choice": listed(rng, letter_choice, letters),
        "code_choice": listed(rng, code_choice, functions),
    }
    for name, cases in golden.items():
        scores = [c[3] for c in cases]
        assert len(cases) == N_CASES and all(0 <= s <= 1 for s in scores), name
        assert any(s == 0 for s in scores) and any(s > 0.99 for s in scores), f"{name}: not all sides are met"
        print(f"{name:20} mean {sum(scores) / len(scores):.3f}, {len(set(scores))} different scores")
    path = ROOT / "tests/golden/tasks/metrics.json"
    path.parent.mkdir(exist_ok=True)
    rows = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases) + "]"
                      for name, cases in golden.items())  # fmt: skip
    path.write_text("{\n" + rows + "\n}\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
