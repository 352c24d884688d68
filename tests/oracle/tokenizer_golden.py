# SPDX-License-Identifier: Apache-2.0
"""Writes tests/host/tokenizer/golden/NAME.json: what the `tokenizers` library makes of the hard cases and of every line
of some books and of WikiText-2.

Run: .venv-oracle/bin/python tests/oracle/tokenizer_golden.py [NAME ...]
Texts come from KVHOST_SHARED (default: ../shared).
"""

import json
import sys

import tokenizers
import transformers
from tokenizer_common import BLOCK, FNV_START, NAMES, SHARED, SOURCE, TEXTS, folder, fnv1a, fnv1a_bytes, hard_cases
from tokenizer_common import lines_of, reference


def of_file(tokenizer, path):
    lines = [e.ids for e in tokenizer.encode_batch(lines_of(path))]
    blocks = []
    for k in range(0, len(lines), BLOCK):
        h = FNV_START
        for ids in lines[k : k + BLOCK]:
            h = fnv1a(ids, h)
        blocks.append(f"{h:016x}")
    whole = tokenizer.encode((SHARED / path).read_bytes().decode("utf-8")).ids
    return {
        "lines": len(lines),
        "tokens": sum(map(len, lines)),
        "blocks": blocks,
        "whole": {"tokens": len(whole), "hash": f"{fnv1a(whole):016x}"},
    }


def of_case(tokenizer, case):
    ids = tokenizer.encode(case["text"]).ids
    plain = tokenizer.encode(case["text"], add_special_tokens=False).ids
    golden = {"name": case["name"], "ids": ids}
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    back = tokenizer.decode(plain, skip_special_tokens=False)
    # "text" and "back" are there only where they differ from the case's text.
    if decoded != case["text"]:
        golden["text"] = decoded
    if back != case["text"]:
        golden["back"] = back
    return golden


def digest(name):
    """Says for which files the golden ids are meant."""
    files = [folder(name) / f for f in ("tokenizer.json", "vocab.json", "merges.txt")]
    return f"{fnv1a_bytes(b''.join(f.read_bytes() for f in files if f.exists())):016x}"


def main():
    for name in sys.argv[1:] or NAMES:
        tokenizer = reference(name)
        golden = {
            "made_by": f"tests/oracle/tokenizer_golden.py {name}",
            "versions": {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__},
            "digest": digest(name),
            "vocab_size": tokenizer.get_vocab_size(with_added_tokens=True),
            "block": BLOCK,
            "files": {path: of_file(tokenizer, path) for path in TEXTS},
            "hard": [of_case(tokenizer, case) for case in hard_cases()],
        }
        out = SOURCE / f"tests/host/tokenizer/golden/{name}.json"
        out.parent.mkdir(exist_ok=True)
        rows = ",\n".join("  " + json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in golden.pop("hard"))
        text = json.dumps(golden, indent=1)[:-2] + ',\n "hard": [\n' + rows + "\n ]\n}\n"
        json.loads(text)
        out.write_text(text)
        print(f"{name}: {len(hard_cases())} hard cases, {sum(f['lines'] for f in golden['files'].values())} lines")


main()
