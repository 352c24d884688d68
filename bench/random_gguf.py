# SPDX-License-Identifier: Apache-2.0
"""A GGUF file of Qwen3-0.6B's dimensions with random weights, complete enough that llama.cpp loads it.

    .venv-llama/bin/python bench/random_gguf.py OUT.gguf --type q8_0|q4_k [--layers 28] [--vocab FOLDER]

Blocks are drawn as blocks: their scales are such that a weight has the variance 1 / (inputs of its row), so activations
stay finite. In a q4_k file the embedding, which is the head too, is Q6_K, as llama.cpp's own quantiser leaves it.
FOLDER holds vocab.json and merges.txt of Qwen2 (default: a byte vocabulary and fillers; the ids are then no text).
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np

HIDDEN, FFN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 1024, 3072, 28, 16, 8, 128, 151936
CONTEXT, ROPE_BASE, EPSILON = 40960, 1e6, 1e-6
NORMAL, CONTROL, UNUSED = 1, 3, 5  # token types


def halves(scale, n, rng):
    """n float16 scales around `scale`, as bytes [n, 2]."""
    return (scale * rng.uniform(0.8, 1.2, n)).astype(np.float16).view(np.uint8).reshape(n, 2)


def q8_0(n_blocks, deviation, rng):
    quants = rng.integers(0, 256, (n_blocks, 32), dtype=np.uint8)  # int8, of deviation 74
    return np.concatenate([halves(deviation / 74, n_blocks, rng), quants], axis=1)


def q4_k(n_blocks, deviation, rng):
    """All eight sub-scales and sub-minimums are 32: a weight is 32 d (q - 7.5), q of 0 to 15, of deviation 4.6."""
    scale = (deviation / (32 * 4.61) * rng.uniform(0.8, 1.2, n_blocks)).astype(np.float16)
    least = (7.5 * scale.astype(np.float32)).astype(np.float16)
    packed = np.tile(np.array([160] * 8 + [0] * 4, np.uint8), (n_blocks, 1))
    quants = rng.integers(0, 256, (n_blocks, 128), dtype=np.uint8)
    as_bytes = [a.view(np.uint8).reshape(n_blocks, 2) for a in (scale, least)]
    return np.concatenate([*as_bytes, packed, quants], axis=1)


def q6_k(n_blocks, deviation, rng):
    low = rng.integers(0, 256, (n_blocks, 192), dtype=np.uint8)  # 128 low halves, 64 high pairs; deviation 18.5
    scales = np.full((n_blocks, 16), 32, np.uint8)
    return np.concatenate([low, scales, halves(deviation / (32 * 18.5), n_blocks, rng)], axis=1)


DRAW = {"q8_0": (q8_0, 32), "q4_k": (q4_k, 256), "q6_k": (q6_k, 256)}


def add_matrix(writer, name, kind, n_rows, n_columns, rng):
    draw, block = DRAW[kind]
    # An embedding's rows are the input of a norm: their own size does not matter.
    data = draw(n_rows * n_columns // block, n_columns**-0.5, rng).reshape(n_rows, -1)
    writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[kind.upper()])


def vocabulary(folder):
    """-> tokens, types, merges"""
    if folder:
        words = json.loads((Path(folder) / "vocab.json").read_text())
        tokens = sorted(words, key=words.get)
        lines = (Path(folder) / "merges.txt").read_text().splitlines()
        merges = [line for line in lines if line and not line.startswith("#version")]
    else:
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        tokens = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
        merges = ["t h"]  # llama.cpp wants some
        tokens.append("th")
    types = [NORMAL] * len(tokens)
    for name in ("<|endoftext|>", "<|im_start|>", "<|im_end|>"):
        tokens.append(name)
        types.append(CONTROL)
    while len(tokens) < VOCAB:
        tokens.append(f"[PAD{len(tokens)}]")
        types.append(UNUSED)
    return tokens, types, merges


def add_metadata(writer, n_layers, folder):
    tokens, types, merges = vocabulary(folder)
    writer.add_name("random weights")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(n_layers)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)


def add_tensors(writer, kind, n_layers, rng):
    def ones(name, n):
        writer.add_tensor(name, np.ones(n, np.float32))

    add_matrix(writer, "token_embd.weight", "q6_k" if kind == "q4_k" else kind, VOCAB, HIDDEN, rng)
    ones("output_norm.weight", HIDDEN)
    for layer in range(n_layers):
        at = f"blk.{layer}."
        ones(at + "attn_norm.weight", HIDDEN)
        ones(at + "ffn_norm.weight", HIDDEN)
        ones(at + "attn_q_norm.weight", HEAD_DIM)
        ones(at + "attn_k_norm.weight", HEAD_DIM)
        add_matrix(writer, at + "attn_q.weight", kind, HEADS * HEAD_DIM, HIDDEN, rng)
        add_matrix(writer, at + "attn_k.weight", kind, KV_HEADS * HEAD_DIM, HIDDEN, rng)
        add_matrix(writer, at + "attn_v.weight", kind, KV_HEADS * HEAD_DIM, HIDDEN, rng)
        add_matrix(writer, at + "attn_output.weight", kind, HIDDEN, HEADS * HEAD_DIM, rng)
        add_matrix(writer, at + "ffn_gate.weight", kind, FFN, HIDDEN, rng)
        add_matrix(writer, at + "ffn_up.weight", kind, FFN, HIDDEN, rng)
        add_matrix(writer, at + "ffn_down.weight", kind, HIDDEN, FFN, rng)


def write(path, kind, n_layers=LAYERS, folder=None, seed=0):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    writer = gguf.GGUFWriter(unfinished, "qwen3")
    add_metadata(writer, n_layers, folder)
    add_tensors(writer, kind, n_layers, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.rename(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--type", choices=["q8_0", "q4_k"], default="q8_0")
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--vocab", help="a folder with vocab.json and merges.txt of Qwen2")
    args = parser.parse_args()
    write(args.out, args.type, args.layers, args.vocab)
    print(f"{args.out}: {Path(args.out).stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
