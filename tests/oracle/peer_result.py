# SPDX-License-Identifier: Apache-2.0
"""What the peer kept in one prefill, and how it is read off its cache."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

WINDOW = 16
# RuntimeError, IndexError: it stumbles over a short prompt. AttributeError: over a model with a rotation for each kind of
# layer (Gemma 3), whose frequencies it asks transformers for by the wrong name.
REFUSALS = (AssertionError, ValueError, RuntimeError, IndexError, AttributeError)


def refusal(error: Exception) -> str:
    """One line that says why the peer has no answer."""
    return (str(error).splitlines() or ["assertion"])[0]


def ratio_for(n_kept: int, n_tokens: int) -> float:
    """The fraction removed at which the peer's double arithmetic keeps exactly n_kept of n_tokens."""
    ratio = 1.0 - (n_kept + 1e-6) / n_tokens
    assert int(n_tokens * (1.0 - ratio)) == n_kept, (n_kept, n_tokens)
    return ratio


@dataclass
class LayerResult:
    kept: list = None  # per KV head: ascending positions
    scores: torch.Tensor = None  # [n_kv_heads, T] of the outermost scorer
    joint: bool = False  # heads compete with each other (AdaKV)
    # CriticalKV only:
    inner: torch.Tensor = None  # [n_kv_heads, T] the scorer inside, which decides stage one
    second: torch.Tensor = None  # [n_kv_heads, T] what stage two ranks by, everywhere
    n_first: int = 0  # entries that stage one takes per head
    # Instead of scores, where a method selects in several steps:
    unsure: list = None  # per KV head: positions whose fate hangs on the last digits of a score


@dataclass
class PeerResult:
    refused: str = ""
    layers: list = field(default_factory=list)
    press: str = ""  # the composition to run, where it is not the row's name
    budget: int | None = None  # entries per head to ask for; None: the method decides
    by_design: str = ""  # why another set is expected, by a difference that notes() states
    judge: Callable = None  # fills in `unsure` of every layer


def found_again(full: torch.Tensor, kept: torch.Tensor) -> list:
    """full: [H, T, d], kept: [H, n, d] -> per head the ascending positions of kept's rows in full."""
    result = []
    for rows, wanted in zip(full, kept):
        places = defaultdict(list)
        for place, row in enumerate(rows.contiguous().numpy()):
            places[row.tobytes()].append(place)
        found = [places[row.tobytes()] for row in wanted.contiguous().numpy()]
        assert all(len(same) == 1 for same in found), "two equal keys in one head: draw other tokens"
        result.append(sorted(same[0] for same in found))
    return result


def unmasked(masked: tuple, n_heads: int, n_tokens: int) -> list:
    """What remains of the peer's triples (batch, head, position) of masked entries."""
    keep = torch.ones(n_heads, n_tokens, dtype=torch.bool)
    keep[masked[1], masked[2]] = False
    return [row.nonzero()[:, 0].tolist() for row in keep]
