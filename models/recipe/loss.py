# SPDX-License-Identifier: Apache-2.0
"""Weighted cross entropy over a tied vocabulary, in pieces, gradients made on the way forward.

The logits of a row of 4096 tokens over 4096 pieces are 64 MB in float32; in pieces of some hundred rows they stay in the
processor's cache, and the backward pass has nothing left to do but a multiplication.
"""

from __future__ import annotations

import torch
from torch import Tensor

PIECE = 512


class WeightedCrossEntropy(torch.autograd.Function):
    """sum_i weight_i * -log softmax(hidden_i embedding^T)[target_i], and its gradients."""

    @staticmethod
    def forward(ctx, hidden: Tensor, embedding: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        table = embedding.detach().to(torch.bfloat16)
        grad_hidden = torch.empty_like(hidden, dtype=torch.float32)
        grad_table = torch.zeros_like(embedding)
        losses = torch.empty(hidden.shape[0])
        for start in range(0, hidden.shape[0], PIECE):
            part = slice(start, start + PIECE)
            states = hidden[part].to(torch.bfloat16)
            logits = (states @ table.T).float()
            rows = torch.arange(logits.shape[0])
            log_z = logits.logsumexp(-1, keepdim=True)
            losses[part] = log_z[:, 0] - logits[rows, target[part]]
            grad = logits.sub_(log_z).exp_()
            grad[rows, target[part]] -= 1
            grad = grad.mul_(weight[part, None]).to(torch.bfloat16)
            grad_hidden[part] = (grad @ table).float()
            grad_table += grad.T @ states
        ctx.save_for_backward(grad_hidden, grad_table)
        ctx.mark_non_differentiable(losses)
        return (losses * weight).sum(), losses

    @staticmethod
    def backward(ctx, scale: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden, grad_table = ctx.saved_tensors
        return grad_hidden * scale, grad_table * scale, None, None


def weighted_loss(hidden: Tensor, embedding: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The weighted sum of losses over the positions whose weight is not zero, and their plain losses."""
    used = weight.reshape(-1).nonzero()[:, 0]
    flat = hidden.reshape(-1, hidden.shape[-1])[used]
    return WeightedCrossEntropy.apply(flat, embedding, target.reshape(-1)[used], weight.reshape(-1)[used])
