# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/chat_templates/NAME/cases.json: what transformers makes of every conversation of
conversations.json with the template beside it.

Run: .venv-oracle/bin/python tests/oracle/chat_template_golden.py [NAME ...]
"""

import json
import sys

import jinja2
import transformers
from chat_template_common import GOLDEN, TOKENS, conversations, rendered


def main():
    names = sys.argv[1:] or sorted(p.parent.name for p in GOLDEN.glob("*/template.jinja"))
    for name in names:
        template = (GOLDEN / name / "template.jinja").read_bytes().decode()
        golden = {
            "made_by": f"tests/oracle/chat_template_golden.py {name}",
            "versions": {"jinja2": jinja2.__version__, "transformers": transformers.__version__},
            "tokens": TOKENS,
            "cases": {case["name"]: rendered(template, case) for case in conversations()},
        }
        (GOLDEN / name / "cases.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
        refused = sum("error" in case for case in golden["cases"].values())
        print(f"{name}: {len(golden['cases'])} cases, {refused} refused")


if __name__ == "__main__":
    main()
