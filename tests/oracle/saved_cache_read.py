#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Saved caches as docs/saved_cache.md describes them, read with safetensors, numpy and xxhash alone.

    saved_cache_read.py FILE...        prints what each file holds; fails where it is not what it should be
    saved_cache_read.py --write FILE   writes tests/golden/saved_cache/by_python.kv.safetensors, which kvhost must read
"""
import argparse
import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np
import xxhash
from safetensors import safe_open
from safetensors.numpy import save_file

SCHEMA = "kvhost-saved-cache-1"
ELEMENT = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}


def raw(path):
    """The header and a function from a tensor's name to its bytes."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        return data[8 + length + begin : 8 + length + end]

    return header, tensor


def digest(metadata, tensors):
    """tensors: name -> (dtype, shape, bytes)"""
    text = b""
    for key in sorted(metadata):
        if key != "digest":
            k, v = key.encode(), metadata[key].encode()
            text += b"%d %s %d %s\n" % (len(k), k, len(v), v)
    for name in sorted(tensors):
        dtype, shape, content = tensors[name]
        words = [name, dtype, *map(str, shape), xxhash.xxh64_hexdigest(content)]
        text += " ".join(words).encode() + b"\n"
    return hashlib.sha256(text).hexdigest()


def check(condition, what):
    if not condition:
        raise SystemExit(f"saved_cache_read: {what}")


def integers(tensor, name, dtype):
    return np.frombuffer(tensor(name), dtype=dtype)


def check_layer(header, tensor, layer, meta):
    at = f"layer.{layer}."
    heads, dim, n_seen = (int(meta[key]) for key in ("n_kv_heads", "head_dim", "n_seen"))
    lengths = integers(tensor, at + "lengths", "<i8")
    positions = integers(tensor, at + "positions", "<i4")
    pruned = np.zeros(heads, dtype=np.int64)
    if at + "channels" in header:
        pruned = integers(tensor, at + "pruned_lengths", "<i8")
        channels = integers(tensor, at + "channels", "<i4").reshape(heads, -1)
        check(header[at + "pruned_keys"]["shape"] == [int(pruned.sum()), channels.shape[1]], at + "pruned_keys: shape")
        for row in channels:
            held = row[:-1] if row[-1] == -1 else row
            check((np.diff(held) > 0).all() and held.min() >= 0 and held.max() < dim, at + "channels: not ascending")
    check(len(lengths) == heads and (pruned <= lengths).all(), at + "lengths: wrong")
    if at + "biases" in header:
        biased = integers(tensor, at + "biased_lengths", "<i8")
        check(len(biased) == heads and (biased >= 0).all() and (biased <= lengths).all(), at + "biased_lengths: wrong")
        check(header[at + "biases"]["shape"] == [int(biased.sum())], at + "biases: shape")
        check(np.isfinite(integers(tensor, at + "biases", "<f4")).all(), at + "biases: not finite")
    check(header[at + "values"]["shape"] == [int(lengths.sum()), dim], at + "values: shape")
    check(header[at + "keys"]["shape"] == [int((lengths - pruned).sum()), dim], at + "keys: shape")
    check(len(positions) == lengths.sum(), at + "positions: shape")
    for row in np.split(positions, np.cumsum(lengths)[:-1]):
        check((np.diff(row) > 0).all() and (row >= 0).all() and (row < n_seen).all(), at + "positions: not ascending")
    for part in ("keys", "values"):
        check(header[at + part]["dtype"] == ELEMENT[meta["dtype"]], at + part + ": dtype")
    return lengths, pruned


def check_decode(header, tensor, meta):
    """Of a compression while generating; how many tensors it has."""
    names = [name for name in header if name.startswith("decode.")]
    check(bool(names) == ("decode_press" in meta), "decode tensors without decode_press, or the other way round")
    if not names:
        return 0
    cuts = integers(tensor, "decode.cuts", "<i8").reshape(-1, 3)
    states = [line.split(" ", 2) for line in meta["decode_states"].splitlines()]
    check(len(tensor("decode.states")) == sum(int(n) for n, _, _ in states), "decode.states: other bytes than decode_states says")
    for name in names:
        check(name in ("decode.cuts", "decode.states") or name.split(".")[-1] in ("queries", "hidden"), name + ": not known")
    said = ", ".join(f"{method} {n} bytes" for n, method, _ in states)
    print(f"  {len(cuts)} cuts by {meta['decode_press']}; states: {said or 'none'}")
    return len(names)


def read(path):
    with safe_open(path, "numpy") as file:  # the package's own checks: header, offsets, cover
        meta = file.metadata()
        names = set(file.keys())
    header, tensor = raw(path)
    del header["__metadata__"]
    check(names == set(header), "names differ between safetensors and the header")
    check(meta["schema"] == SCHEMA, f"schema {meta['schema']!r}; expected {SCHEMA!r}")
    tensors = {name: (entry["dtype"], entry["shape"], tensor(name)) for name, entry in header.items()}
    found = digest(meta, tensors)
    check(meta["digest"] == found, f"digest {meta['digest']}; the content's is {found}")
    check(meta["tokens_sha256"] == hashlib.sha256(tensor("tokens")).hexdigest(), "tokens_sha256")
    print(f"{path}: {Path(path).stat().st_size} bytes, digest right")
    for key in sorted(meta):
        print(f"  {key}: {meta[key]}")
    print(f"  tokens {header['tokens']['shape']}, logits {header['logits']['shape']}")
    n_tensors = 2 + check_decode(header, tensor, meta)
    for layer in range(int(meta["n_layers"])):
        lengths, pruned = check_layer(header, tensor, layer, meta)
        n_tensors += 2 if f"layer.{layer}.biases" in header else 0
        n_tensors += 7 if f"layer.{layer}.channels" in header else 4
        print(f"  layer {layer}: {lengths.min()} to {lengths.max()} entries a head, {pruned.sum()} with pruned keys")
    check(len(header) == n_tensors, f"{len(header)} tensors; expected {n_tensors}")


def rows(layer, counts, width, first=None):
    """[sum of counts, width]: every row tells its layer, head and entry."""
    first = first or [0] * len(counts)
    out = [1000 * layer + 100 * head + first[head] + i for head, n in enumerate(counts) for i in range(n)]
    return np.repeat(np.array(out, dtype=np.float32)[:, None], width, axis=1)


def write(path):
    lengths, pruned = [[0, 4], [2, 5]], [2, 3]
    whole = [n - p for n, p in zip(lengths[1], pruned)]
    tokens = np.arange(40, dtype=np.int32) * 3
    arrays = {
        "tokens": tokens,
        "logits": np.linspace(-1, 1, 11, dtype=np.float32),
        "layer.0.lengths": np.array(lengths[0]),
        "layer.0.positions": np.array([0, 1, 38, 39], dtype=np.int32),
        "layer.0.keys": -rows(0, lengths[0], 8),
        "layer.0.values": rows(0, lengths[0], 8),
        "layer.1.lengths": np.array(lengths[1]),
        "layer.1.positions": np.array([5, 9, 0, 1, 20, 21, 39], dtype=np.int32),
        "layer.1.keys": -rows(1, whole, 8, first=pruned),
        "layer.1.values": rows(1, lengths[1], 8),
        "layer.1.pruned_lengths": np.array(pruned),
        "layer.1.channels": np.array([[0, 1, 7, -1], [2, 3, 4, -1]], dtype=np.int32),
        "layer.1.pruned_keys": -rows(1, pruned, 4) * np.array([1, 1, 1, 0], dtype=np.float32),
    }
    meta = {
        "schema": SCHEMA,
        "kvhost": "0.1.0",
        "n_layers": "2",
        "n_kv_heads": "2",
        "head_dim": "8",
        "dtype": "float32",
        "n_seen": "40",
        "n_renumbered": "0",
        "tokens_sha256": hashlib.sha256(tokens.tobytes()).hexdigest(),
        "press": "made by saved_cache_read.py",
    }
    names = {"float32": "F32", "int32": "I32", "int64": "I64"}
    meta["digest"] = digest(meta, {n: (names[a.dtype.name], a.shape, a.tobytes()) for n, a in arrays.items()})
    save_file(arrays, path, metadata=meta)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write FILE instead of reading it")
    parser.add_argument("files", metavar="FILE", nargs="+")
    args = parser.parse_args()
    for path in args.files:
        write(path) if args.write else read(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
