# SPDX-License-Identifier: Apache-2.0
"""RULER's rules, for tasks_compare.py: whether a case is one that RULER's scripts could have made.

Templates are given, as read from a checkout of github.com/NVIDIA/RULER; the rules are those of its scripts/data/synthetic.
"""

import json
import re
from collections import Counter
from pathlib import Path

NIAH = {  # scripts/synthetic.yaml: haystack, keys, values, how many of each and how many are asked for
    "niah_single_1": ("noise", "words", "numbers", 1, 1, 1), "niah_single_2": ("essay", "words", "numbers", 1, 1, 1),
    "niah_single_3": ("essay", "words", "uuids", 1, 1, 1), "niah_multikey_1": ("essay", "words", "numbers", 4, 1, 1),
    "niah_multikey_2": ("needle", "words", "numbers", 1, 1, 1), "niah_multikey_3": ("needle", "uuids", "uuids", 1, 1, 1),
    "niah_multivalue": ("essay", "words", "numbers", 1, 4, 1), "niah_multiquery": ("essay", "words", "numbers", 4, 1, 4),
}  # fmt: skip
NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
FORM = {"numbers": r"\d{7}", "words": r"[a-z]+-[a-z]+", "uuids": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"}


def niah(one: dict, whole: str, template: str) -> None:
    haystack, keys, values, n_keys, n_values, n_queries = NIAH[one["task"]]
    kind = values
    if n_queries * n_values == 1:
        for a, b in (("Some", "A"), ("are all", "is"), ("are", "is"), ("answers", "answer")):
            template = template.replace(a, b)
        kind = values[:-1]
    before, rest = template.split("{context}")
    before = before.format(type_needle_v=kind)
    query = re.search(r"for (.*) mentioned in the provided text\?", whole).group(1)
    after = rest.format(type_needle_v=kind, query=query)
    assert whole.startswith(before) and whole.endswith(after)
    context = whole[len(before) : -len(after)]
    found = re.findall(rf"One of the special magic {values} for ({FORM[keys]}) is: ({FORM[values]})\.", context)
    assert len(found) == context.count("One of the special magic")
    hidden = n_keys * n_values
    assert len(found) == hidden if haystack != "needle" else len(found) > hidden
    queries = re.split(r", and |, ", query)
    assert len(queries) == len(set(queries)) == n_queries
    answers = {v for k, v in found if k in queries}
    assert answers == set(one["answers"]) and len(one["answers"]) == n_queries * n_values
    if haystack != "essay":
        others = [x for x in context.split("\n") if not x.startswith("One of")]
        assert set(others) <= {NOISE} and (len(others) > 10) == (haystack == "noise")


def vt(one: dict, whole: str, template: str) -> None:
    before, rest = template.split("{context}")
    parts = whole.split(before)
    assert len(parts) == 3 and parts[0] == ""
    for text, n_letters, answers in ((parts[1], 3, None), (parts[2], 5, one["answers"])):
        lines = re.findall(r"VAR [^\n]*", text)
        assert re.fullmatch(rf"VAR [A-Z]{{{n_letters}}} = \d{{5}}", lines[0]) and len(lines) == 5
        names = [x.split()[1] for x in lines]
        assert lines[1:] == [f"VAR {b} = VAR {a} " for a, b in zip(names, names[1:], strict=False)]
        value = lines[0].split()[-1]
        tail = rest.format(query=value, num_v=5)
        context, _, behind = text.partition(tail)
        assert set(context.split("\n")) - set(lines) == {NOISE}
        assert (names == answers and not behind) if answers else behind == " " + " ".join(names) + "\n\n"


def cwe(one: dict, whole: str, template: str) -> None:
    before, after = template.split("{context}")
    parts = whole.split(before)
    assert len(parts) == 3 and parts[0] == "" and parts[2].endswith(after)
    short = one["length"] < 4096
    solved, told = parts[1].split(after)
    for text, n_words, common, uncommon, answers in (
        (solved, 20 if short else 40, 3 if short else 10, 1 if short else 3, re.findall(r"\d+\. (\w+)", told)),
        (parts[2][: -len(after)], None, 6 if short else 30, 1 if short else 3, one["answers"]),
    ):
        items = re.findall(r"(\d+)\. (\w+)", text)
        assert [int(n) for n, _ in items] == list(range(1, len(items) + 1))
        assert text == " ".join(f"{n}. {w}" for n, w in items)
        counts = Counter(w for _, w in items)
        assert {w for w, n in counts.items() if n == common} == set(answers) and len(answers) == 10
        assert {n for w, n in counts.items() if w not in answers} == {uncommon}
        assert n_words is None or len(counts) == n_words
    assert re.fullmatch(r" (\d+\. \w+ ?)+\n", told)


def fwe(one: dict, whole: str, template: str) -> None:
    before, after = template.split("{context}")
    assert whole.startswith(before) and whole.endswith(after)
    counts = Counter(whole[len(before) : -len(after)].split(" ")).most_common()
    assert counts[0][0] == "..." and [w for w, _ in counts[1:4]] == one["answers"]
    n_words = next(n for n in range(counts[0][1], 10**7) if int(n / 1.6449340668482264) == counts[0][1])
    zeta = [{int(m * k**-2.0 / 1.6449340668482264) for m in (n_words, n_words + 1)} for k in range(1, 5)]
    assert all(n in z for (_, n), z in zip(counts, zeta, strict=False)) and counts[3][1] > counts[4][1]
    assert all(re.fullmatch("[a-z]{6}", w) for w, _ in counts[1:])


def qa(one: dict, whole: str, template: str) -> None:
    query = re.search(r"Question: (.*) Answer:$", whole).group(1)
    before, after = (x.format(query=query) for x in template.split("{context}"))
    assert whole.startswith(before) and whole.endswith(after)
    documents = re.split(r"(?:^|\n\n)Document (\d+):\n", whole[len(before) : -len(after)])[1:]
    assert [int(n) for n in documents[::2]] == list(range(1, len(documents) // 2 + 1)) and len(documents) > 20
    assert len(set(documents[1::2])) == len(documents) // 2
    assert any(one["answers"][0] in d for d in documents[1::2])


def data(folder: Path) -> tuple:
    """Questions in SQuAD's and HotpotQA's form."""
    towns = [[f"Town {a}.{p} has {a * 97 + p} houses." + " It is small." * 20 for p in range(6)] for a in range(30)]
    squad = {"data": [{"paragraphs": [{"context": c, "qas": [{"question": f"How many has town {a}.{p}?", "is_impossible": False,
             "answers": [{"text": f"{a * 97 + p} houses"}]}]} for p, c in enumerate(t)]} for a, t in enumerate(towns)]}  # fmt: skip
    hotpot = [{"question": f"Which has {q}?", "answer": f"Name {q}",
               "context": [[f"Name {10 * q + d if d else q}", [f"It has {q}.", " More." * 20]] for d in range(10)]}
              for q in range(30)]  # fmt: skip
    for name, value in (("squad.json", squad), ("hotpotqa.json", hotpot)):
        (folder / name).write_text(json.dumps(value))
    return folder / "squad.json", folder / "hotpotqa.json"


RULES = {"niah": niah, "vt": vt, "cwe": cwe, "fwe": fwe, "qa": qa}
KINDS = {"vt": "variable_tracking", "cwe": "common_words_extraction", "fwe": "freq_words_extraction"}
TASKS = [*NIAH, "vt", "cwe", "fwe", "qa_1", "qa_2"]
