# SPDX-License-Identifier: Apache-2.0
"""What chat_template_golden.py and chat_template_compare.py share: the conversations and how transformers renders them."""

import datetime
import json
import pathlib

import jinja2
import tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

SOURCE = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = SOURCE / "tests/golden/chat_templates"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
NOW = datetime.datetime(2026, 7, 26, 14, 5, 9)


class FrozenTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = FrozenTime


def conversations():
    return json.loads((GOLDEN / "conversations.json").read_text())


def _tokenizer():
    model = tokenizers.models.WordLevel({"<unk>": 0}, unk_token="<unk>")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(model), **TOKENS)


TOKENIZER = _tokenizer()


def rendered(template, case):
    """{"text": ...}, or {"error": message, "raised": whether raise_exception() gave it}."""
    variables = dict(case.get("variables", {}))
    try:
        text = TOKENIZER.apply_chat_template(
            case["messages"],
            chat_template=template,
            tools=case.get("tools"),
            documents=variables.pop("documents", None),
            add_generation_prompt=case.get("add_generation_prompt", False),
            tokenize=False,
            **variables,
        )
        return {"text": text}
    except Exception as error:  # noqa: BLE001: whatever a template makes of a conversation
        return {"error": str(error), "raised": type(error) is jinja2.exceptions.TemplateError}
