# SPDX-License-Identifier: Apache-2.0
"""Writes tests/host/tokenizer/patterns.json: where the `tokenizers` library (Oniguruma) cuts short texts by patterns, some
written by hand, many generated, and which code points its character properties hold.

Run: .venv-oracle/bin/python tests/oracle/tokenizer_patterns.py
"""

import json
import random

import tokenizers
from tokenizer_common import SOURCE, fnv1a
from tokenizers import Regex
from tokenizers import pre_tokenizers as pre

TEXTS = [
    "aAbBcC éÉ_1٣² -x日本 ab\n\tZ",
    "aaaa abab bbaa caab\naab{,} a{2 x",
    "don't DON'T 's 'S 'ſ ß ss SS ẞ ﬁn FIN kKK",
    "1234567 12ab 99,9 x[1]{2}^-&& a&b",
    "  \r\n\r\n  x \u00a0\u3000\x0b\x0c\x85y",
    "日本語。한국어ฉันพूर αΒΓ Ἀ e\u0301 👩\u200d💻",
]

KIMI = (
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WRITTEN = [KIMI, r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"]
# Options in mid-pattern.
WRITTEN += [r"a(?i)b|c", r"a(?i:b)|c", r"(?i)a|B", r"(a(?i)b|c)d?", r"(a|b(?i)c|d)e", r"a(?i)b(?-i)c|d", r"(?:(?i)a)b"]
WRITTEN += [r"(?x) a b # c)" + "\n a", r"(?m).+", r"(?m:.)+", r"x(?m)..|y", r"(?i-m:A.)", r"(?-i)a", r"(?mi-x:A.)"]
# Repetitions.
WRITTEN += [r"a{,2}", r"a{,2}b", r"x{,3}a", r"a{2}+", r"\p{N}{1,3}+", r"a{1,2}?", r"a{2}?b", r"a{,2}?b", r"a{2,}+a", r"a{3,1}"]
WRITTEN += [r"(?:ab){1,2}+c?", r"[ab]{2}+", r"a**", r"a++b", r"a?+a", r"a*+b", r"(?>a+)b", r"a{", r"a{,}", r"a{2", r"\{2\}", r"(a|b){2}+"]
WRITTEN += [r"é{1,2}+", r"\w{2}?\d", r"(?:a{2}){2}", r"a{2}{2}", r"a+{2}"]
# Properties and classes.
WRITTEN += [r"\p{Letter}+", r"\p{lowercase_letter}+", r"\p{Uppercase Letter}+", r"\p{Han}+", r"\p{han}|\p{Hira}", r"\p{^L}+", r"\P{^L}+"]
WRITTEN += [r"\p{Any}{3}", r"\p{LC}+", r"\p{Decimal_Number}+", r"[[:alpha:]]+", r"[[:^alpha:]]+", r"[[:alpha:][:digit:]_]+", r"[^[:space:]]+"]
WRITTEN += [r"[a-z&&[^b]]+", r"[a-z&&b-c&&c]+", r"[a[bc]]+", r"[^a[bc]]+", r"[\P{L}a]+", r"[\W_]+", r"[^\W\d]+", r"[\D&&\w]+", r"[a&&]"]
WRITTEN += [r"[^a-z&&[^b]]+", r"[]a]+", r"[^]a]+", r"[a-]+", r"[a-c-e]+", r"[\w\-x]+", r"[\s\-x]+", r"[\w.-]+", r"[a&&^b]", r"[&&a]", r"[a^]+"]
WRITTEN += [r"[\S\n]+", r"[^\S\n]+", r"[^\s\P{N}]+", r"(?i)[^k]+", r"(?<=[^\P{L}a])b", r"[[[a]b]c]+", r"[\v]+|\v+"]
# Borders and the rest.
WRITTEN += [r"\bx", r"\b\w+\b", r"\Ba", r"\b", r"\d{1,3}(?=(?:\d{3})*\b)", r"\A.", r".\z", r".$", r"^.", r"\N+", r"\O{2}", r"(?#c)a", r"(?<n>a)b"]
WRITTEN += [r"(?i)ss", r"(?i)ß", r"(?i:fi)n", r"(?i)fin+", r"(?i)k", r"(?i:'s)", r"(?i)s+s", r"(?=(\d{3})+(?!\d))", r"(?<!a)b|(?<=a)a", r"\H+|\h{2}"]

# Not Mn, Alphabetic, Uppercase, Lowercase, Emoji: up to 40 code points each changed sides after Unicode 14.
SWEEPS = "L LC Lu M N Nd P S Sc Z Zs Cc Cf Letter Digit Punct Space Blank Cntrl Graph Print Word XDigit".split()
SWEEPS = [rf"\p{{{name}}}" for name in SWEEPS + ["White_Space", "Han", "Greek"]]
SWEEPS += [f"[[:{n}:]]" for n in "blank cntrl digit graph print punct space xdigit word ascii".split()]
SWEEPS += [r"[^[:punct:]]", r"[\p{L}&&[^\p{Han}]]", r"[\W\d]", r"\W", r"[^\p{Lu}\P{L}]"]


# Of the generated patterns, known to go otherwise: how often something that may be empty is repeated ({2,} of an optional
# group behind a look-ahead, {2} of a lazy '*?').
KNOWN = (r"[^é\Wa&&a-ca]*(?:(?:(?=[\p{N}]{1,2}+)", r"(?:\B\P{L}*?|(?!\W*?[[:alpha:]\d_&&[b[b-d]]]{,1}+")


def generated(rng, n):
    atoms = ["a", "b", "c", "B", " ", ".", r"\d", r"\w", r"\s", r"\S", r"\W", r"\p{L}", r"\p{Lu}", r"\P{L}", r"\p{Han}", "é", r"\n", "'"]
    in_class = ["a", "b", "a-c", "A-Z", r"\d", r"\w", r"\s", r"\S", r"\W", r"\p{L}", r"\P{L}", r"\p{N}", "[b-d]", "[^a]", "[:alpha:]", "[:^digit:]", "é", "_"]
    repeats = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "{1,2}+", "{2}+", "{,1}+", "++", "*?", "+?", "{1,2}?", "{2}?", "?+"]

    def char_class(depth=0):
        def union():
            return "".join(rng.choice(in_class) for _ in range(rng.randint(1, 3)))

        inside = union()
        if rng.random() < 0.3:
            inside += "&&" + (char_class(depth + 1) if depth < 2 and rng.random() < 0.5 else union())
        return "[" + rng.choice(["", "", "^"]) + inside + "]"

    def atom(depth):
        r = rng.random()
        if depth < 2 and r < 0.15:
            return rng.choice(["(", "(?:", "(?i:", "(?m:", "(?>"]) + alternatives(depth + 1) + ")"
        if r < 0.2:
            return rng.choice(["(?=", "(?!"]) + sequence(depth + 1) + ")"
        if r < 0.45:
            return char_class()
        return rng.choice(atoms)

    def sequence(depth):
        out = ""
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.05:
                out += rng.choice(["(?i)", "(?m)", "(?-i)", r"\b", r"\B", "^", "$"])
            a = atom(depth)
            out += a if a.startswith(("(?=", "(?!")) else a + rng.choice(repeats)
        return out

    def alternatives(depth):
        return "|".join(sequence(depth) for _ in range(rng.choice([1, 1, 2, 3])))

    return [alternatives(0) for _ in range(n)]


def cut(pattern):
    try:
        splitter = pre.Split(Regex(pattern), "isolated")
        return [[piece for piece, _ in splitter.pre_tokenize_str(text)] for text in TEXTS]
    except BaseException:  # Oniguruma refuses it or gives up (a panic, which is no Exception)
        return None


def fingerprint(pieces):
    h = None
    for text in pieces:
        h = fnv1a([len(p.encode()) for p in text]) if h is None else fnv1a([len(p.encode()) for p in text], h)
    return f"{h:016x}"


def sweep(pattern, assigned):
    splitter = pre.Split(Regex(pattern), "removed")
    kept = []
    for first, last in assigned:
        kept += [ord(c) for piece, _ in splitter.pre_tokenize_str("".join(map(chr, range(first, last + 1)))) for c in piece]
    return [pattern, len(kept), f"{fnv1a(kept):016x}"]


def main():
    assigned = json.loads((SOURCE / "tests/host/tokenizer/components.json").read_text())["assigned"]
    written = [[p, cut(p)] for p in WRITTEN]
    refused = [p for p, pieces in written if pieces is None]
    assert not refused, refused
    made = [[p, cut(p)] for p in generated(random.Random(12), 1500)]
    made = [[p, fingerprint(pieces)] for p, pieces in made if pieces is not None and not p.startswith(KNOWN)]
    sections = {"texts": TEXTS, "written": written, "generated": made, "sweeps": [sweep(p, assigned) for p in SWEEPS]}
    out = SOURCE / "tests/host/tokenizer/patterns.json"
    with out.open("w") as f:
        f.write(f'{{"made_by": "tests/oracle/tokenizer_patterns.py", "tokenizers": "{tokenizers.__version__}"')
        for name, rows in sections.items():
            f.write(f',\n"{name}": [\n' + ",\n".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in rows) + "\n]")
        f.write("}\n")
    json.loads(out.read_text())
    print({name: len(rows) for name, rows in sections.items()}, out.stat().st_size, "bytes")


main()
