# SPDX-License-Identifier: Apache-2.0
"""Greedy answers of kvpress's own text-generation pipeline, with the log-probabilities behind them."""

import json
from dataclasses import dataclass, field
from unittest import mock

import torch
from answer_rows import Row
from cam_draws import Draws, inject
from common import ROOT
from kvpress.presses.cam_press import CAMPress
from learned_presses import DuoOnTheFly
from peer_result import REFUSALS, ratio_for, refusal
from transformers import DynamicCache

N_NEW = 32
PROMPTS = ROOT / "models/demo/prompts"


@dataclass
class Question:
    name: str
    context: list  # token ids; these are compressed
    question: list  # token ids that follow after the compression

    def last_token_only(self) -> "Question":
        """The same tokens, all but the last in the context."""
        tokens = [*self.context, *self.question]
        return Question(self.name, tokens[:-1], tokens[-1:])


@dataclass
class Answer:
    tokens: list = field(default_factory=list)
    log_probs: torch.Tensor = None  # [n, vocabulary], what each token was the maximum of
    lengths: list = field(default_factory=list)  # entries of every layer's cache after the context
    failed: str = ""


def read_question(pipe, name: str) -> Question:
    """A bundled prompt as the pipeline divides it: context, then question, line break and the answer's beginning."""
    data = json.loads((PROMPTS / f"{name}.json").read_text())
    context, (question, prefix) = data["text"].removesuffix(data["question"]), data["question"].split("\n")
    return tokenized(pipe, name, context, question, prefix)


def tokenized(pipe, name: str, context: str, question: str, prefix: str) -> Question:
    ids = pipe.preprocess(context, [question], prefix, max_context_length=1 << 30)
    return Question(name, ids["context_ids"][0].tolist(), ids["questions_ids"][0][0].tolist())


def short_question(pipe, before: int = 700, after: int = 1200) -> Question:
    """The needle with less hay: so many characters around the fact."""
    data = json.loads((PROMPTS / "needle.json").read_text())
    question, prefix = data["question"].split("\n")
    fact = data["text"].index(prefix)
    return tokenized(pipe, "short", data["text"][max(0, fact - before) : fact + after] + "\n\n", question, prefix)


def peer_answer(pipe, row: Row, build, asked: Question, n_kept: int) -> Answer:
    """Runs the pipeline's forward; `failed` says what it raised."""
    press = build(n_kept if row.every else ratio_for(n_kept, len(asked.context)))
    clock, rows, cache = [0], [], DynamicCache()
    if isinstance(press, CAMPress):
        inject(press, Draws(seed=0), clock)
    if isinstance(press, DuoOnTheFly):
        press.context = asked.context
    model = pipe.model
    for layer in model.model.layers:
        layer.self_attn.masked_key_indices = None  # an eager prefill does not take back what another press left
    hooks = [model.lm_head.register_forward_hook(lambda _, __, out: rows.append(out[0, -1].log_softmax(-1)))]
    hooks.append(model.register_forward_pre_hook(lambda _, __, kw: count(clock, kw), with_kwargs=True))
    inputs = {"context_ids": torch.tensor([asked.context]), "questions_ids": [torch.tensor([asked.question])]}
    model.set_attn_implementation("eager" if row.eager else "sdpa")
    try:
        with torch.no_grad(), mock.patch.object(pipe.tokenizer, "decode", lambda ids, **_: json.dumps(ids.tolist())):
            text = pipe._forward(inputs, max_new_tokens=N_NEW, press=press, cache=cache)[0]
    except (*REFUSALS, AttributeError) as error:
        return Answer(failed=f"{type(error).__name__}: {refusal(error)}")
    finally:
        for hook in hooks:
            hook.remove()
    return Answer(json.loads(text), torch.stack(rows), [layer.keys.shape[2] for layer in cache.layers])


def count(clock: list, kwargs: dict) -> None:
    """Tokens seen once this forward is through; one without positions is no part of the answer."""
    if "position_ids" in kwargs:
        clock[0] = int(kwargs["position_ids"].max()) + 1
