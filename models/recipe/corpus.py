# SPDX-License-Identifier: Apache-2.0
"""The texts: which books there are, which are held out, lines made into paragraphs, tokens kept in a file.

`--data DIR` is a folder with pg19/*.txt, gutenberg_nltk/*.txt and tinystories_sample/*.txt.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
SOURCES = ("pg19", "gutenberg_nltk", "tinystories_sample")


class MissingData(SystemExit):
    """A text that should be there is not; the message is all the user sees."""


def held_out_ids() -> list[str]:
    """The PG-19 ids of heldout.txt."""
    lines = (HERE / "heldout.txt").read_text().split("\n")
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def files_of(data: Path, source: str) -> list[Path]:
    """The texts of one source, held-out books left out."""
    found = sorted(p for p in (data / source).glob("*.txt") if p.stem != "SOURCE")
    if not found:
        raise MissingData(f"{data / source}: no *.txt there; --data must name the folder that holds {', '.join(SOURCES)}")
    return [p for p in found if source != "pg19" or p.stem not in held_out_ids()]


def held_out_files(data: Path) -> list[Path]:
    """The held-out books, all of which must be there."""
    paths = [data / "pg19" / f"{book}.txt" for book in held_out_ids()]
    for path in paths:
        if not path.exists():
            raise MissingData(f"{path}: a held-out book of heldout.txt is missing")
    return paths


def reflow(text: str) -> str:
    """Paragraphs on one line each, an empty line between them."""
    blocks = text.replace("\r", "").split("\n\n")
    lines = (" ".join(block.split()) for block in blocks)
    return "\n\n".join(line for line in lines if line)


def read(path: Path) -> str:
    """One text, reflowed; odd bytes are replaced."""
    return reflow(path.read_text(encoding="utf-8", errors="replace"))


def tokens(data: Path, tokenizer: Tokenizer, cache: Path, source: str) -> np.ndarray:
    """All tokens of the training books of one source, end to end; kept under cache by tokenizer and file list."""
    paths = files_of(data, source)
    key = hashlib.sha256((tokenizer.to_str() + "".join(map(str, paths))).encode()).hexdigest()[:16]
    kept = cache / f"{source}-{key}.npy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        parts = [tokenizer.encode(read(p), add_special_tokens=False).ids for p in paths]
        np.save(kept, np.concatenate([np.asarray(p, dtype=np.uint16) for p in parts]))
    return np.load(kept)


def stretches(books: np.ndarray, rng: random.Random, count: int, length: int) -> np.ndarray:
    """[count, length]: consecutive tokens from random places."""
    starts = [rng.randrange(len(books) - length) for _ in range(count)]
    return np.stack([books[at : at + length] for at in starts]).astype(np.int64)
