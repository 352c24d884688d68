# SPDX-License-Identifier: Apache-2.0
"""Muon for the matrices: momentum, made orthogonal by Newton-Schulz; Adam for the rest.

Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def orthogonal(update: Tensor, steps: int = 5) -> Tensor:
    """The nearest matrix with all singular values near 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.T if update.shape[0] > update.shape[1] else update
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if update.shape[0] > update.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, Newton-Schulz, decoupled weight decay; the step's size fits the matrix's shape."""

    def __init__(self, params: list[Tensor], lr: float, momentum: float = 0.95, decay: float = 0.05) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(state["momentum"], group["momentum"]))
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


def optimisers(model: nn.Module, muon_lr: float, adam_lr: float) -> dict[str, torch.optim.Optimizer]:
    """Muon for the layers' matrices, Adam for embedding and norms."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return {"muon": Muon(matrices, muon_lr), "adam": torch.optim.Adam(others, adam_lr, betas=(0.9, 0.95))}


def set_rates(optimisers: dict[str, torch.optim.Optimizer], muon_lr: float, adam_lr: float, momentum: float) -> None:
    """The rates of this step."""
    for group in optimisers["muon"].param_groups:
        group["lr"], group["momentum"] = muon_lr, momentum
    for group in optimisers["adam"].param_groups:
        group["lr"] = adam_lr
