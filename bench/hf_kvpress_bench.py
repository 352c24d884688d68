# SPDX-License-Identifier: Apache-2.0
"""Times Hugging Face transformers with kvpress 0.5.5 on one checkpoint and prompt; JSON on standard output.

    .venv-oracle/bin/python bench/hf_kvpress_bench.py --model DIR --tokens-file F [--press full snapkv adakv:snapkv]

Each press: prefill (compression included) of the whole prompt with only the last logits, then greedy decoding token by
token. The median of the decode steps is reported, the first one left out. Cache bytes are those of the tensors held.
"""

import argparse
import json
import statistics
import time
from importlib.metadata import version

import torch
from kvpress import AdaKVPress, SnapKVPress
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging

logging.disable_progress_bar()

PRESSES = {
    "full": lambda ratio: None,
    "snapkv": lambda ratio: SnapKVPress(compression_ratio=ratio),
    "adakv:snapkv": lambda ratio: AdaKVPress(SnapKVPress(compression_ratio=ratio)),
}


def cache_bytes(cache):
    tensors = [t for layer in cache.layers for t in (layer.keys, layer.values)]
    return sum(t.numel() * t.element_size() for t in tensors)


def prefill(model, tokens, press):
    cache = DynamicCache()
    start = time.perf_counter()
    if press is None:
        logits = model(tokens, past_key_values=cache, logits_to_keep=1).logits
    else:
        with press(model):
            logits = model(tokens, past_key_values=cache, logits_to_keep=1).logits
    return cache, logits, 1e3 * (time.perf_counter() - start)


def decode(model, cache, logits, n_seen, n_tokens):
    """New tokens keep their true positions; what is attended to is what the cache holds."""
    steps, token = [], logits[0, -1].argmax()
    for position in range(n_seen, n_seen + n_tokens):
        start = time.perf_counter()
        where = dict(position_ids=torch.tensor([[position]]), cache_position=torch.tensor([position]))
        logits = model(token.view(1, 1), past_key_values=cache, **where).logits
        token = logits[0, -1].argmax()
        steps.append(1e3 * (time.perf_counter() - start))
    return steps


def measure(model, tokens, name, args):
    press = PRESSES[name](1.0 - args.keep_ratio)
    cache, logits, prefill_ms = prefill(model, tokens, press)
    held = cache_bytes(cache)
    steps = decode(model, cache, logits, tokens.shape[1], args.n_new + 1)[1:]
    return {"press": name, "prefill_ms": prefill_ms, "tpot_ms": statistics.median(steps), "cache_bytes": held}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens-file", required=True)
    parser.add_argument("--press", nargs="*", default=list(PRESSES), choices=list(PRESSES))
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("-n", "--n-new", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=getattr(torch, args.dtype)).eval()
    tokens = torch.tensor([json.load(open(args.tokens_file))])
    with torch.inference_mode():
        model(tokens[:, :64])  # warm-up: weights paged in, threads started
        results = [measure(model, tokens, name, args) for name in args.press]
    versions = {p: version(p) for p in ("torch", "transformers", "kvpress")}
    print(json.dumps({"versions": versions, "threads": args.threads, "dtype": args.dtype, "results": results}))


if __name__ == "__main__":
    main()
