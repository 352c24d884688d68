# SPDX-License-Identifier: Apache-2.0
"""Trains the small SentencePiece models under tests/host/tokenizer/sentencepiece/ on a book in the public domain, and
writes golden.json there: what SentencePiece itself makes of the hard cases.

Run: .venv-oracle/bin/python tests/oracle/tokenizer_sentencepiece.py
"""

import json
import pathlib
import tempfile

import sentencepiece as spm
from tokenizer_common import SHARED, SOURCE, fnv1a, hard_cases

OUT = SOURCE / "tests/host/tokenizer/sentencepiece"

# Left: what is replaced; right: what by. Entries that are prefixes of others, that vanish, that become spaces.
RULES = [("Ａ", "A"), ("ｂ", "b"), ("ﬁ", "fi"), ("½", "1⁄2"), ("e\u0301", "é"), ("\t", " "), ("\n", " "), ("\u3000", " ")]
RULES += [("\u200b", ""), ("\u00ad", ""), ("…", "..."), ("ᄒ", "X"), ("ᄒ\u1161", "Y"), ("ᄒ\u1161\u11ab", "한"), ("Å", "A\u030a")]

TEXTS = ["", " ", "  ", "Ａｂ ﬁn ½", "e\u0301e\u0301x e", "a\tb\nc\u3000d", "\u200b", " \u200b ", "a \u200b b", "…\u00ad…"]
TEXTS += ["\u1112\u1161\u11ab \u1112\u1161x \u1112x", "Åb", "<sep>a<sep> b <sep>", "a<unused>b", "  lead", "trail  "]
TEXTS += ["the <s> end </s>", "<unk>", "▁a ▁", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "mmmmm nnnn", "he he hehehe", "日本語 x", "\0a"]


def train(name, **options):
    with tempfile.TemporaryDirectory() as scratch:
        rules = pathlib.Path(scratch) / "rules.tsv"
        rules.write_text("".join(f"{' '.join(f'{ord(c):X}' for c in a)}\t{' '.join(f'{ord(c):X}' for c in b)}\n" for a, b in RULES))
        if options.pop("rules", False):
            options["normalization_rule_tsv"] = str(rules)
        spm.SentencePieceTrainer.train(
            input=str(SHARED / "data/gutenberg_nltk/austen-emma.txt"),
            model_prefix=f"{scratch}/m",
            num_threads=1,
            user_defined_symbols=["<sep>"],
            minloglevel=2,
            **options,
        )
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.model").write_bytes((pathlib.Path(scratch) / "m.model").read_bytes())


def golden(name):
    """Ids of the texts above; of the hard cases, which lie in a file of their own, number and hash of the ids."""
    sp = spm.SentencePieceProcessor(model_file=str(OUT / name / "tokenizer.model"))
    rows = [[text, sp.encode(text)] for text in TEXTS]
    return rows + [[case["name"], len(sp.encode(case["text"])), f"{fnv1a(sp.encode(case['text'])):016x}"] for case in hard_cases()]


def main():
    llama = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "split_digits": True}
    llama |= {"byte_fallback": True, "character_coverage": 0.999, "allow_whitespace_only_pieces": True}
    train("bpe", model_type="bpe", vocab_size=600, **llama)
    train("bpe_unk", model_type="bpe", vocab_size=300, rules=True, add_dummy_prefix=False)
    train("unigram", model_type="unigram", vocab_size=400, rules=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    train("unigram_bytes", model_type="unigram", vocab_size=500, **llama)
    names = ("bpe", "bpe_unk", "unigram", "unigram_bytes")
    rows = ",\n".join(f'"{n}": [\n' + ",\n".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in golden(n)) + "\n]" for n in names)
    text = f'{{"made_by": "tests/oracle/tokenizer_sentencepiece.py", "sentencepiece": "{spm.__version__}",\n{rows}}}\n'
    json.loads(text)
    (OUT / "golden.json").write_text(text)


main()
