# SPDX-License-Identifier: Apache-2.0
"""Writes tests/host/tokenizer/components.json: what each part of the `tokenizers` library makes of short texts, for
every supported normalizer, pre-tokenizer and decoder and every option, and small whole tokenizers for the rest.

Run: .venv-oracle/bin/python tests/oracle/tokenizer_components.py
"""

import base64
import json

import tokenizers
from tokenizer_common import SOURCE, fnv1a
from tokenizers import Regex, Tokenizer
from tokenizers import decoders as d
from tokenizers import normalizers as n
from tokenizers import pre_tokenizers as p
from transformers.utils import sentencepiece_model_pb2_new as sentencepiece_model_pb2

TEXTS = [
    "",
    " ",
    "Hello, World!  It's 12 o'clock.",
    "  leading and trailing  ",
    "a\n\nb \r\n c\t\td\u00a0\u3000e\u180ef",
    "x1234.5y ٣٤ ½ Ⅳ ²",
    "éÉ e\u0301 İIı ΣΑΣ ǅ ﬁ Å\u2126",
    "日本語、テスト。한국어 \u1112\u1161\u11ab",
    "foo_bar-baz (qux) $5 + 3 = 8 ^ `~| a@b.c",
    "👨‍👩‍👧 ❤️!! 🏳️‍🌈",
    "▁a ▁▁b▁",
    "don't DON'T we'LL 'sSs 'ſ\n\n\n",
    "...---...  --x--  ",
    "HTTPServer camelCase iPhone15 ǅx ßẞ",
    "a/b//c\r\n/d\n\n/ \n /",
    "Ａｂ ﬁn½ e\u0301e\u0301 e\u0302\u0301 …\u00ad\u200b \u1112\u1161\u11ab \u1112\u1161x Å\u0301 \u2581\ufeff",
    "न\u094dम \u0e01\u0e34 a\u200db\u200cc d\u2060e",
]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ASCII_PUNCTUATION = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BEHAVIORS = ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")
PATTERNS = [GPT2, LLAMA3, CASED, ASCII_PUNCTUATION, r"\s", r"\S+", r"\d", r"\D", r"\w+", r"\W", r"[^\S\n]+", r"\h+"]
PATTERNS += [r"[\w.]+", r"^.", r".$", r"x*", r"\p{Han}|\p{^L}", r"\P{N}", r"(?m:.+)", r"\u0061|[\u00e9-\u00ff]", r"[一-龥]+"]
MARK = "▁"


def pre_tokenizers():
    for prefix in (True, False):
        for regex in (True, False):
            yield p.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    for behavior in BEHAVIORS:
        for invert in (False, True):
            yield p.Split(Regex(r"\s|\p{P}"), behavior, invert)
            yield p.Split(" ", behavior, invert)
        yield p.Punctuation(behavior)
    for pattern in PATTERNS:
        yield p.Split(Regex(pattern), "isolated")
    yield p.Split("", "isolated")
    yield p.Digits(individual_digits=True)
    yield p.Digits(individual_digits=False)
    yield p.Whitespace()
    yield p.WhitespaceSplit()
    for scheme in ("always", "first", "never"):
        for split in (True, False):
            yield p.Metaspace(replacement=MARK, prepend_scheme=scheme, split=split)
    yield p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="first")])
    yield p.Sequence([p.Punctuation(), p.Metaspace(prepend_scheme="first")])
    yield p.Sequence([p.Split(Regex(LLAMA3), "isolated"), p.ByteLevel(add_prefix_space=False, use_regex=False)])
    yield p.Sequence([p.Digits(True), p.ByteLevel(add_prefix_space=True)])


def normalizers():
    yield from (n.NFC(), n.NFD(), n.NFKC(), n.NFKD(), n.Lowercase(), n.Prepend(MARK))
    yield from (n.Strip(left, right) for left in (True, False) for right in (True, False))
    yield from (n.Replace(" ", MARK), n.Replace(Regex(r"\s+"), " "), n.Replace(Regex(r"(\d)"), "$1<\\1>"))
    yield from (n.Replace("a", ""), n.Sequence([]), n.Sequence([n.NFD(), n.Lowercase(), n.Strip()]))
    yield n.Sequence([n.Prepend(MARK), n.Replace(" ", MARK)])
    yield from (n.Nmt(), n.StripAccents(), n.Sequence([n.NFD(), n.StripAccents()]), precompiled())


def charsmap():
    """The compiled replacements of a small SentencePiece model, as base64."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString((SOURCE / "tests/host/tokenizer/sentencepiece/unigram/tokenizer.model").read_bytes())
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def precompiled():
    return n.Precompiled(base64.b64decode(charsmap()))


def decoders():
    llama = [d.Replace(MARK, " "), d.ByteFallback(), d.Fuse()]
    yield from (d.ByteLevel(), d.ByteFallback(), d.Fuse(), d.Replace(MARK, " "), d.Replace(Regex(r"\d+"), "#"))
    yield from (d.Strip("a", 1, 0), d.Strip("a", 2, 0), d.Strip(" ", 0, 1))
    yield from (d.Metaspace(MARK, scheme) for scheme in ("always", "first", "never"))
    yield from (d.Sequence(llama), d.Sequence([*llama, d.Strip(" ", 1, 0)]), d.Sequence([*llama, d.Strip(" ", 3, 0)]))
    yield from (d.Sequence([*llama, d.Strip("a", 1, 1)]), d.Sequence([*llama, d.Replace("ab", "X")]))
    yield from (d.Sequence([d.ByteLevel(), d.Replace(" a", "Y")]), d.Sequence([d.Metaspace(), d.ByteFallback()]))


TOKENS = [
    ["▁Hello", "▁", "world", "▁▁a", "b"],
    ["Ġab", "ĠcÃ", "©", "Ð", "Ł", "ð", "ŁĺĢ", "x"],
    ["a", "Ã", "Ã", "b", "âĤ", "q", "ðŁ"],
    ["<s>", "a b", "é", "日", "Ġ"],
    ["▁", "<0xE2>", "<0x82>", "<0xAC>", "a", "<0xC3>", "<0xA9>", "<0xC3>"],
    ["<0xFF>", "<0x41>", "b", "<0xE2>", "<0x82>", "▁x", "<0xG1>", "<0x4>"],
    ["▁▁▁a", "▁a", "aa", "a a a"],
    ["aaa", "a12b3", "45", " a", "ab", "a"],
    ["Ġ", "▁", "Ġa", "Ġb"],
]

SWEEPS = [p.Split(Regex(r), "removed") for r in (r"\s", r"\d", r"\w", r"\p{L}", r"\p{N}", r"\p{M}", r"\p{P}", r"\p{S}")]
SWEEPS += [p.Split(Regex(r), "removed") for r in (r"\p{Lu}", r"\p{Ll}", r"\p{Lo}", r"[^\s\p{L}\p{N}]", r"\S", r"[\w]", r"[\d]", r"[\s]", r"[^\S]")]
SWEEPS += [p.WhitespaceSplit(), p.Punctuation("removed")]


def as_json(part):
    return json.loads(part.__getstate__())


def sweep(part, assigned):
    kept = []
    for first, last in assigned:
        kept += [ord(c) for piece, _ in part.pre_tokenize_str("".join(map(chr, range(first, last + 1)))) for c in piece]
    return {"part": as_json(part), "kept": len(kept), "hash": f"{fnv1a(kept):016x}"}


def assigned_ranges():
    """Code points the library's regex engine knows: newer ones are nobody's business here."""
    out = []
    known = p.Split(Regex(r"[\p{Cn}]"), "removed")
    for plane in range(0, 0x110000, 0x8000):
        if 0xD800 <= plane < 0xE000:
            continue
        text = "".join(chr(c) for c in range(plane, plane + 0x8000) if not 0xD800 <= c < 0xE000)
        for piece, _ in known.pre_tokenize_str(text):
            out.append([ord(piece[0]), ord(piece[-1])])
    return [r for r in out if not (r[0] < 0xD800 <= r[1])] + [
        part for a, b in out if a < 0xD800 <= b for part in ([a, 0xD7FF], [0xE000, b])
    ]


BASE = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": []}


def bpe(pieces, merges, **options):
    vocab = {piece: i for i, piece in enumerate(pieces)}
    return {"type": "BPE", "vocab": vocab, "merges": merges, **options}


def added(i, content, **options):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": i, "content": content, **flags, **options}


def whole_tokenizers():
    letters = ["<unk>", "a", "b", "c", "ab", "abc", "bc", " ", "X", "x", "é"]
    merges = [["a", "b"], ["ab", "c"], ["b", "c"]]
    texts = ["abc", "abcabc ab bc", "aXb xx", "a?b??c", "é e\u0301", "<m>a<m> b", " <m>  <m>a <m>", "a<m>b", "_<m> <m>-", ""]
    texts += ["xx <M>", "<mm><m>", "  ", "ab<s>bc", "?<s>?"]
    for options in ({}, {"unk_token": "<unk>"}, {"unk_token": "<unk>", "fuse_unk": True}, {"ignore_merges": True}):
        yield BASE | {"model": bpe(letters, merges, **options)}, texts
    yield BASE | {"model": bpe(letters, ["a b", "ab c", "b c"], unk_token="<unk>")}, texts
    for flags in ("lstrip", "rstrip", "single_word"):
        tokens = [added(11, "<m>", **{flags: True}), added(12, "<mm>")]
        yield BASE | {"model": bpe(letters, merges, unk_token="<unk>"), "added_tokens": tokens}, texts
    both = [added(11, "<m>", lstrip=True, rstrip=True), added(12, "x x", special=False, normalized=True)]
    yield BASE | {"model": bpe(letters, merges, unk_token="<unk>"), "added_tokens": both}, texts + ["x x x x"]
    lower = [added(11, "<M>", normalized=True, special=False), added(8, "X", normalized=True, special=False)]
    yield (
        BASE | {"model": bpe(letters, merges, unk_token="<unk>"), "added_tokens": lower, "normalizer": {"type": "Lowercase"}},
        texts,
    )
    hexes = [f"<0x{b:02X}>" for b in range(256)]
    for pieces in (letters + hexes, letters + hexes[:0x80]):
        for fuse in (True, False):
            model = bpe(pieces, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=fuse)
            yield BASE | {"model": model, "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}]}}, texts
    special = {"<s>": {"id": "<s>", "ids": [11], "tokens": ["<s>"]}, "two": {"id": "two", "ids": [12, 11], "tokens": ["</s>", "<s>"]}}
    template = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "two", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": special,
    }
    trim = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    tokens = [added(11, "<s>"), added(12, "</s>")]
    document = BASE | {"model": bpe(letters, merges, unk_token="<unk>"), "added_tokens": tokens, "decoder": {"type": "Fuse"}}
    yield document | {"post_processor": template}, texts
    yield document | {"post_processor": {"type": "Sequence", "processors": [trim, template]}}, texts
    first = {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": True}
    pieces = [*letters, "_", "_a", "_ab"]
    model = bpe(pieces, [*merges, ["_", "a"], ["_", "ab"]], unk_token="<unk>")
    yield BASE | {"model": model, "added_tokens": [added(14, "<m>")], "pre_tokenizer": first, "decoder": first}, texts


def unigram_tokenizers():
    texts = ["abc", "ab  abab", "aXb", "a?b??c", "aéb", "日本a", "", " ", "<m>ab <m>", "cab cab", "bbbb", "Ａb ﬁ½", "e\u0301x"]
    pieces = [["<unk>", 0.0], ["a", -3.0], ["b", -3.5], ["c", -4.0], ["ab", -5.0], ["abc", -9.5], ["bb", -7.0], ["▁", -2.0], ["▁ab", -6.0]]
    pieces += [["A", -4.0], ["fi", -4.5], ["é", -6.0], ["ab", -4.8]]
    hexes = [[f"<0x{b:02X}>", 0.0] for b in range(256)]
    first = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": True}
    whole = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "first", "split": False}
    mapped = {"type": "Sequence", "normalizers": [as_json(precompiled()), {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}
    roberta = {"type": "RobertaProcessing", "sep": ["c", 3], "cls": ["b", 2], "trim_offsets": True, "add_prefix_space": False}
    bert = {"type": "BertProcessing", "sep": ["c", 3], "cls": ["b", 2]}
    for vocab in (pieces, pieces + hexes, pieces + hexes[:0x90]):
        for fallback in (False, True):
            model = {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": fallback}
            yield BASE | {"model": model, "pre_tokenizer": first, "decoder": first, "added_tokens": [added(len(vocab), "<m>")]}, texts
    model = {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False}
    yield BASE | {"model": model, "pre_tokenizer": whole, "decoder": whole, "normalizer": mapped, "post_processor": roberta}, texts
    yield BASE | {"model": model, "normalizer": mapped, "post_processor": bert, "added_tokens": [added(0, "<unk>")]}, texts


def listed_twice():
    """Ids that the listings of added tokens get, and which listing counts."""
    model = bpe(["a", "b", "ab", " "], [["a", "b"]])
    texts = ["a<x> b<y>ab"]
    for tokens in (
        [added(5, "<x>"), added(9, "<y>")],
        [added(4, "<x>"), added(4, "<x>", special=False)],
        [added(4, "<x>", rstrip=True), added(4, "<x>", special=False)],
        [added(4, "<x>", special=False), added(4, "<x>", rstrip=True)],
        [added(4, "<x>"), added(4, "<y>")],
        [added(9, "ab"), added(4, "<y>")],
        [added(0, "<x>")],
    ):
        yield BASE | {"model": model, "added_tokens": tokens}, texts
    gaps = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 5, " ": 9}, "merges": [["a", "b"]]}
    yield BASE | {"model": gaps, "added_tokens": [added(7, "<x>"), added(4, "<y>")]}, texts
    yield BASE | {"model": gaps, "added_tokens": [added(4, "<x>"), added(7, "ab")]}, texts


def of_tokenizer(document, texts):
    tokenizer = Tokenizer.from_str(json.dumps(document))
    cases = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        cases.append([text, ids, plain, tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=False)])
    return {"document": document, "cases": cases}


def pieces_of(part, text):
    return [piece for piece, _ in part.pre_tokenize_str(text)]


def main():
    assigned = assigned_ranges()
    sections = {
        "pre_tokenizers": [{"part": as_json(x), "cases": [[t, pieces_of(x, t)] for t in TEXTS]} for x in pre_tokenizers()],
        "normalizers": [{"part": as_json(x), "cases": [[t, x.normalize_str(t)] for t in TEXTS]} for x in normalizers()],
        "decoders": [{"part": as_json(x), "cases": [[t, x.decode(t)] for t in TOKENS]} for x in decoders()],
        "sweeps": [sweep(x, assigned) for x in SWEEPS],
        "tokenizers": [of_tokenizer(*x) for x in (*whole_tokenizers(), *unigram_tokenizers(), *listed_twice())],
    }
    out = SOURCE / "tests/host/tokenizer/components.json"
    with out.open("w") as f:
        f.write(f'{{"made_by": "tests/oracle/tokenizer_components.py", "tokenizers_version": "{tokenizers.__version__}",\n')
        f.write(f'"assigned": {json.dumps(assigned, separators=(",", ":"))},\n')
        for i, (name, rows) in enumerate(sections.items()):
            f.write(f'"{name}": [\n')
            f.write(",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows))
            f.write("\n]" + (",\n" if i + 1 < len(sections) else "}\n"))
    json.loads(out.read_text())
    print({name: len(rows) for name, rows in sections.items()}, out.stat().st_size, "bytes")


main()
