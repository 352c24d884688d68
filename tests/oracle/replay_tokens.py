# SPDX-License-Identifier: Apache-2.0
"""A tokenizer for checkpoints that were drawn and have none: a token a byte, from 2 on.

`write_tokenizer` lays it into a model's folder for kvhost, `ByteTokens` stands in for transformers' on the peer's side;
tests/host/press/press_fixture.cpp has it a third time.
"""

import json
from pathlib import Path

import torch


class ByteTokens:
    chat_template = None

    def __init__(self, vocab_size: int):
        self.n_ids = vocab_size - 2

    def encode(self, text: str, return_tensors: str = "pt", add_special_tokens: bool = False) -> torch.Tensor:
        return torch.tensor([[2 + byte % self.n_ids for byte in text.encode()]], dtype=torch.long)


def byte_letters() -> list:
    """The 256 letters that stand for bytes in GPT-2's scheme."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, n = {b: chr(b) for b in shown}, 0
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + n)
            n += 1
    return [letters[byte] for byte in range(256)]


def write_tokenizer(folder: Path, vocab_size: int) -> None:
    """tokenizer.json of ByteTokens; ids wrap around where the vocabulary is smaller."""
    vocab = {letter: 2 + byte for byte, letter in enumerate(byte_letters()) if 2 + byte < vocab_size}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": []}
    data = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": level, "post_processor": None, "decoder": level, "model": model}
    (Path(folder) / "tokenizer.json").write_text(json.dumps(data))
