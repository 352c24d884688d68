#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `kvhost calibrate` must learn of the bundled tiny model, as kvpress and transformers have it: query statistics as
kvpress 0.5.5 collects them (expected_attention_with_stats.py), the first right singular vectors of rotated queries
(Q-Filters, arXiv:2503.02812), the centres of queries before rotation (TriAttention, arXiv:2604.04921), the attention that
each head pays to what is about to be repeated (after HeadKV, arXiv:2410.19258).

usage: calibrate_golden.py [OUT=tests/golden/calibrate/tiny.safetensors]"""
import pathlib
import sys

import torch
from kvpress.presses.expected_attention_with_stats import patch_rotary_embedding
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
N_SINK, LENGTH, N_BYTES = 4, 200, 3000


def pieces(ids):
    for first in range(0, len(ids), LENGTH):
        piece = ids[first:first + LENGTH]
        if len(piece) == LENGTH or len(piece) >= LENGTH // 2:
            yield piece


def rotated(model, queries, n):
    """queries [L, H, n, d] before rotation -> after it."""
    position = torch.arange(n)[None]
    cos, sin = model.model.rotary_emb(queries, position)
    half = queries.shape[-1] // 2
    turned = torch.cat((-queries[..., half:], queries[..., :half]), -1)
    return queries * cos + turned * sin


def copied_attention(attention, ids, distance=32):
    """attention [L, H, n, n] -> sum over repeated pairs of tokens [L, H], how many there are."""
    total, count = torch.zeros(attention.shape[:2], dtype=torch.float64), 0
    for t in range(len(ids) - 1):
        copies = [i for i in range(1, t - distance) if ids[i] == ids[t + 1] and ids[i - 1] == ids[t]]
        if not copies:
            continue
        count += 1
        values, places = attention[:, :, t, :t + 1].double().topk(len(copies), dim=-1)
        total += (values * torch.isin(places, torch.tensor(copies))).sum(-1) / len(copies)
    return total, count


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests/golden/calibrate/tiny.safetensors"
    folder = ROOT / "models/tiny"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    text = (ROOT / "bench/texts/alice_1_2.txt").read_bytes()[:N_BYTES].decode()
    before, after, without_sinks = [], [], []
    copied, n_copied = 0, 0
    plainly = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.inference_mode():
        for ids in pieces(tokenizer(text)["input_ids"]):
            with patch_rotary_embedding(model) as captured:
                model(torch.tensor([ids]))
            some, n = copied_attention(torch.cat(plainly(torch.tensor([ids]), output_attentions=True).attentions), ids)
            copied, n_copied = copied + some, n_copied + n
            queries = torch.cat(captured, dim=0).double()  # [L, H, n, d]
            before.append(queries)
            after.append(rotated(model, queries.float(), len(ids)).double())
            without_sinks.append(queries[:, :, N_SINK:])
    some = torch.cat(without_sinks, dim=2)
    mean = some.mean(2)
    centred = some - mean.unsqueeze(2)
    covariance = centred.transpose(2, 3) @ centred / (some.shape[2] - 1)

    plain = torch.cat(before, dim=2)
    half = plain.shape[-1] // 2
    real, imag = plain[..., :half], plain[..., half:]

    turned = torch.cat(after, dim=2)
    first = torch.linalg.svd(turned, full_matrices=False).Vh[:, :, 0]  # [L, H, d]
    side = torch.sign((turned.sum(2) * first).sum(-1, keepdim=True))
    n_kv = model.config.num_key_value_heads
    filters = (first * side).unflatten(1, (n_kv, -1)).mean(2)

    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.float().contiguous() for name, tensor in {
        "query_mean": mean, "query_cov": covariance, "q_filters": filters, "q_mean_real": real.mean(2),
        "q_mean_imag": imag.mean(2), "q_abs_mean": (real ** 2 + imag ** 2).sqrt().mean(2),
        "head_scores": copied / n_copied}.items()}, out)
    print(f"{out}: {plain.shape[2]} tokens, {n_copied} repeated pairs")


if __name__ == "__main__":
    main()
