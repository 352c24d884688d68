# SPDX-License-Identifier: Apache-2.0
"""Compares the token ids of a GGUF file's own tokenizer with llama.cpp's: five books and the hard cases, whole texts.

    .venv-llama/bin/python tests/oracle/gguf_tokens_compare.py FILE.gguf ... [--kvhost BIN] [--books FILE ...]

Control tokens spelled out in a text are those tokens for both (llama.cpp's parse_special), and both add what the file's
flags say. Prints a table; exits 1 on any difference. scripts/llama_env.sh makes the environment.
"""

import argparse
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

import llama_cpp

SOURCE = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("KVHOST_SHARED", SOURCE.parent / "shared"))
BOOKS = ("carroll-alice", "blake-poems", "bryant-stories", "whitman-leaves", "shakespeare-hamlet")
silent = llama_cpp.llama_log_callback(lambda level, text, data: None)

SPACES = [
    "",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\n\n\n",
    "\r\n",
    "\t",
    " \t \n  x",
    "a  b   c    d",
    " a",
    "a ",
    "a\u00a0b",
    "\u3000x",
]
SCRIPTS = [
    "北京大学的学生",
    "これはペンです。カタカナ",
    "한국어 문장입니다",
    "Привет, мир",
    "مرحبا بالعالم",
    "שלום",
    "नमस्ते दुनिया",
    "ไทยภาษา",
    "ὁ λόγος",
]
MARKS = [
    "e\u0301 \u0065\u0301\u0323",
    "ﬁ ﬂ ½ ²",
    "İstanbul ıI",
    "\u200b\u200d\ufeff",
    "\u202eabc\u202c",
    "a\u0000b",
    "\u0001\u001f\u007f",
    "\ufffd\ufffd",
]
EMOJI = ["😀", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "x😀y 🦊"]
DIGITS = ["1", "12", "123", "1234", "12345678901234567890", "3.14159", "1,000,000", "٣٤٥", "²³", "0x1F 1e-5"]
WORDS = [
    "I'm you're he'll we'd THEY'VE it'S",
    "don’t",
    "snake_case camelCase",
    "http://a.b/c?d=e&f#g",
    "if (a[i] != b) { return -1; }",
    "!!!???...",
    "—–-",
]
# What is no text at the edges of Unicode, as text: planes, private use, noncharacters, lone modifiers.
EDGES = [
    "\ue000\uf8ff",
    "\U000f0000\U0010fffd",
    "\ufffe\uffff",
    "\U0001ffff",
    "\u00ad",
    "Ã©Ã±",
    "\u0080\u0099\u009f",
    "Â£",
]
RUNS = [
    "a" * 5000,
    " " * 3000,
    "\n" * 2000,
    "ab" * 2000,
    "1" * 1500,
    "北" * 1000,
    "😀" * 500,
    "!" * 1000,
    "=" * 333,
    " \n" * 500,
    "\t" * 777,
]


def load(path):
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    model = llama_cpp.llama_load_model_from_file(str(path).encode(), params)
    if not model:
        raise SystemExit(f"gguf_tokens_compare: {path}: llama.cpp cannot load it")
    return llama_cpp.llama_model_get_vocab(model)


def llama_ids(vocab, text):
    data = text.encode()
    room = len(data) + 8
    tokens = (llama_cpp.llama_token * room)()
    n = llama_cpp.llama_tokenize(vocab, data, len(data), tokens, room, True, True)
    assert n >= 0, (n, text[:60])
    return list(tokens[:n])


def host_ids(kvhost, file, text, folder):
    path = Path(folder) / "text.txt"
    path.write_bytes(text.encode())
    done = subprocess.run(
        [kvhost, "tokenize", "--model", file, "-f", path, "--json", "-"], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        return done.stderr.strip()
    return json.loads(done.stdout)["tokens"]


def control_cases(vocab):
    """Every control and user-defined token spelled out, alone and between letters, spaces and lines."""
    n = llama_cpp.llama_vocab_n_tokens(vocab)
    special = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
    ids = [i for i in range(n) if llama_cpp.llama_vocab_get_attr(vocab, i) & special]
    names = [llama_cpp.llama_vocab_get_text(vocab, i).decode(errors="replace") for i in ids]
    names = [name for name in names if name]
    joined = ["".join(names[i : i + 200]) for i in range(0, len(names), 200)]
    apart = [form.join(names[:40]) for form in (" ", "a", "\n", " x ", "  ")]
    cut = ["".join(name[:-1] + " " for name in names[:40]), " ".join(name.upper() for name in names[:20])]
    return joined + apart + cut


def drawn_cases(seed, n):
    """Texts of characters drawn from all of the above."""
    draw = random.Random(seed)
    pool = [*"".join(SCRIPTS + MARKS + EMOJI + DIGITS + WORDS + EDGES), *"   \n\n\t", *"abcdefgXYZ"]
    return ["".join(draw.choices(pool, k=draw.randrange(1, 400))) for _ in range(n)]


def first_difference(wanted, got):
    return next((i for i, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))


def compare(args, file, folder):
    """-> rows of the table, how many differ"""
    vocab = load(file)
    groups = {Path(b).stem: [Path(b).read_bytes().decode("utf-8", errors="replace")] for b in args.books}
    groups |= {"spaces": SPACES, "scripts": SCRIPTS, "marks": MARKS, "emoji": EMOJI, "digits": DIGITS, "words": WORDS}
    groups |= {
        "edges": EDGES,
        "runs": RUNS,
        "control tokens": control_cases(vocab),
        "drawn": drawn_cases(args.seed, args.drawn),
    }
    rows, differ = [], 0
    for what, texts in groups.items():
        n_tokens = n_different = 0
        for text in texts:
            wanted, got = llama_ids(vocab, text), host_ids(args.kvhost, file, text, folder)
            n_tokens += len(wanted)
            if got == wanted:
                continue
            n_different += 1
            if isinstance(got, str):
                print(f"  {what}: {text[:60]!r}: {got}")
            else:
                at = first_difference(wanted, got)
                print(f"  {what}: {text[:60]!r}: at {at} llama.cpp {wanted[at : at + 6]}, kvhost {got[at : at + 6]}")
        rows.append((Path(file).name, what, len(texts), n_tokens, n_different))
        differ += n_different
    return rows, differ


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--kvhost", default=os.environ.get("KVHOST_BIN", str(SOURCE / "build/release/bin/kvhost")))
    parser.add_argument("--books", nargs="*", default=[SHARED / f"data/gutenberg_nltk/{name}.txt" for name in BOOKS])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drawn", type=int, default=40)
    args = parser.parse_args()
    llama_cpp.llama_log_set(silent, None)
    llama_cpp.llama_backend_init()
    rows, differ = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for file in args.files:
            found, n = compare(args, file, folder)
            rows += found
            differ += n
    print(f"{'file':<36} {'texts':<20} {'n':>5} {'ids':>9} {'different':>10}")
    for name, what, n, n_tokens, n_different in rows:
        print(f"{name[:36]:<36} {what:<20} {n:>5} {n_tokens:>9} {n_different:>10}")
    raise SystemExit(1 if differ else 0)


if __name__ == "__main__":
    main()
