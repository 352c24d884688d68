# SPDX-License-Identifier: Apache-2.0
"""Trains the tokenizer: byte-level BPE, digits one by one, no piece longer than 16 characters.

    train_tokenizer.py --data DIR --size 4096 --out .cache/recipe/tokenizer.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

import corpus
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SPECIAL = ["<s>", "</s>", "<pad>"]


def train(data: Path, size: int) -> Tokenizer:
    """A tokenizer of so many pieces from the training texts; every prompt begins with <s>."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL, max_token_length=16, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    texts = (corpus.read(path) for source in corpus.SOURCES for path in corpus.files_of(data, source))
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B:1", special_tokens=[("<s>", 0)])
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the texts (see corpus.py)")
    parser.add_argument("--size", type=int, default=4096, help="pieces, bytes and special ones counted")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    train(args.data, args.size).save(str(args.out))
    print(f"{args.out}: {args.size} pieces")


if __name__ == "__main__":
    main()
