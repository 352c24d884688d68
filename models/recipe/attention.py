# SPDX-License-Identifier: Apache-2.0
"""Causal grouped attention of [batch, length, heads, head_dim]: PyTorch's, or the AVX-512 kernel of attention.cpp."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

SOURCE = Path(__file__).with_name("attention.cpp")
KERNEL: ctypes.CDLL | None = None


def use_kernel(folder: Path) -> None:
    """Builds attention.cpp in folder with g++ and uses it from now on."""
    global KERNEL
    if "avx512_bf16" not in Path("/proc/cpuinfo").read_text():
        raise SystemExit("--attention kernel: this processor has no avx512_bf16; leave --attention at sdpa")
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "attention.so"
    if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
        flags = ["-O3", "-std=c++20", "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512bf16", "-mfma"]
        subprocess.run(["g++", *flags, "-shared", "-fPIC", "-pthread", str(SOURCE), "-o", str(library)], check=True)
    KERNEL = ctypes.CDLL(str(library.resolve()))


class KernelAttention(torch.autograd.Function):
    """The kernel, with its gradients."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, angles: Tensor) -> Tensor:
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        batch, length, heads, dim = q.shape
        if dim != 32 or length % 64 or q.dtype != torch.bfloat16:
            raise ValueError(f"attention kernel: {list(q.shape)} {q.dtype}; needs bf16, head_dim 32, length a multiple of 64")
        out, lse = torch.empty_like(q), torch.empty(batch, heads, length)
        ctx.sizes = [ctypes.c_int(n) for n in (batch, length, heads, k.shape[2], torch.get_num_threads())]
        KERNEL.attention_forward(*(ctypes.c_void_p(t.data_ptr()) for t in (q, k, v, angles, out, lse)), *ctx.sizes)
        ctx.save_for_backward(q, k, v, angles, out, lse)
        return out

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        kept = ctx.saved_tensors
        grad = grad.contiguous()
        q, k = kept[0], kept[1]
        gradients = [torch.empty_like(q) for _ in range(3)]
        pointers = (ctypes.c_void_p(t.data_ptr()) for t in (*kept, grad, *gradients))
        KERNEL.attention_backward(*pointers, *ctx.sizes)
        grouped = (g.view(*k.shape[:3], -1, k.shape[3]).sum(3) for g in gradients[1:])
        return gradients[0], *grouped, None


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """RoPE in Llama's half-and-half layout; angles [length, head_dim] hold cosines, then sines."""
    cos, sin = (part.repeat(1, 2)[:, None] for part in angles.chunk(2, dim=-1))
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


def attention(q: Tensor, k: Tensor, v: Tensor, angles: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(head_dim)) v of rotated q and k, causal; k and v may have fewer heads."""
    if KERNEL is not None:
        return KernelAttention.apply(q, k, v, angles)
    group = q.shape[2] // k.shape[2]
    q, k, v = (x.transpose(1, 2) for x in (rotate(q, angles), rotate(k, angles), v))
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
