# SPDX-License-Identifier: Apache-2.0
"""Which of kvpress's presses keep the answers of the bundled prompts, the full cache beside them.

For every prompt under models/demo/prompts that has an answer: the whole text is read, the cache compressed, and tokens
are generated greedily. Prints one table per dtype: yes, or what was said instead.
"""

import argparse
import json

import torch
from common import ROOT, print_table
from kvpress import (
    AdaKVPress,
    ExpectedAttentionPress,
    KeyDiffPress,
    KnormPress,
    RandomPress,
    SnapKVPress,
    StreamingLLMPress,
    TOVAPress,
)
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, logging

MODEL = ROOT / "models/demo"
PRESSES = {
    "full": None,
    "adakv:snapkv": lambda r: AdaKVPress(SnapKVPress(r)),
    "snapkv": SnapKVPress,
    "adakv:snapkv(kernel_size=13)": lambda r: AdaKVPress(SnapKVPress(r, kernel_size=13)),
    "expected_attention": ExpectedAttentionPress,
    "tova": TOVAPress,
    "keydiff": KeyDiffPress,
    "knorm": KnormPress,
    "streaming_llm": StreamingLLMPress,
    "random(seed=0)": lambda r: RandomPress(r, seed=0),
}


@torch.no_grad()
def generate(model, tokens, press, n_tokens):
    """Greedy continuation of `tokens` [1, T] after the press has cut the cache; positions go on from T."""
    cache, n_seen = DynamicCache(), tokens.shape[1]
    if press is None:
        out = model(tokens, past_key_values=cache, logits_to_keep=1)
    else:
        with press(model):
            out = model(tokens, past_key_values=cache, logits_to_keep=1)
    answer = []
    for i in range(n_tokens):
        answer.append(int(out.logits[0, -1].argmax()))
        at = torch.tensor([[n_seen + i]])
        out = model(torch.tensor([[answer[-1]]]), past_key_values=cache, position_ids=at, cache_position=at[0])
    for layer in model.model.layers:  # what a head-wise press left there must not reach the next prompt
        layer.self_attn.masked_key_indices = None
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    prompts = {p.stem: json.loads(p.read_text()) for p in sorted((MODEL / "prompts").glob("*.json"))}
    prompts = {name: p for name, p in prompts.items() if p["expect"]}

    for dtype in (torch.float32, torch.bfloat16):
        model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=dtype).eval()
        rows = []
        for press_name, make in PRESSES.items():
            row = [press_name]
            for prompt in prompts.values():
                tokens = tokenizer(prompt["text"], return_tensors="pt").input_ids
                press = make and make(1 - args.keep_ratio)
                said = tokenizer.decode(generate(model, tokens, press, prompt["max_new_tokens"]))
                row.append("yes" if said.strip().startswith(prompt["expect"]) else repr(said.strip()[:16]))
            rows.append(row)
        print(f"\n{dtype}, {args.keep_ratio:g} of the entries kept; expected: ", end="")
        print(", ".join(f"{name} {p['expect']}" for name, p in prompts.items()))
        print_table(["press", *prompts], rows)


if __name__ == "__main__":
    main()
