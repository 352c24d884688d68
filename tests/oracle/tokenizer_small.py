# SPDX-License-Identifier: Apache-2.0
"""Trains tests/host/tokenizer/small/: a SentencePiece-style BPE with byte fallback, shaped like Llama 2's, on a book in
the public domain. It lets the hard cases run from committed files alone.

Run: .venv-oracle/bin/python tests/oracle/tokenizer_small.py, then tokenizer_golden.py small
"""

import json

from tokenizer_common import SHARED, SOURCE
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

MARK = "▁"
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def main():
    specials = ["<unk>", "<s>", "</s>"]
    normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    teacher = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    teacher.normalizer = normalizer
    words = (SHARED / "data/gutenberg_nltk/austen-emma.txt").read_text().split()
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=specials + BYTES, show_progress=False)
    teacher.train_from_iterator(words, trainer)
    document = json.loads(teacher.to_str())
    # Bytes are pieces of the model, not tokens to be found in a text.
    document["added_tokens"] = [t for t in document["added_tokens"] if t["content"] in specials]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    steps = [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    out = SOURCE / "tests/host/tokenizer/small"
    out.mkdir(exist_ok=True)
    text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    (out / "tokenizer.json").write_text(text + "\n")
    config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    print(len(text), "bytes,", tokenizer.get_vocab_size(), "pieces")


main()
