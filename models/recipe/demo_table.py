# SPDX-License-Identifier: Apache-2.0
"""What methods answer to the bundled prompts: a table, printed and written into models/demo/prompts/README.md.

    demo_table.py [--kvhost BIN] [--keep-ratio 0.25] [--print] [PRESS ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from marked import rewrite

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/demo"  # by name, so that an installed program's own copy is not taken
PROMPTS = ("needle", "several", "words", "list", "passkey")
PRESSES = ("none", "rankkv:adakv:snapkv", "adakv:snapkv", "snapkv", "snapkv(kernel_size=13)", "chunkkv:snapkv", "critical_adakv:snapkv",
           "observed_attention", "expected_attention", "compactor", "tova", "keydiff", "knorm", "streaming_llm", "random")


def answer(kvhost: str, prompt: str, press: str, ratio: float) -> str:
    command = [kvhost, "run", "--model", str(MODEL), "--demo", prompt, "--press", press, "--quiet", "--json", "-"]
    command += [] if press == "none" else ["--min-entries", "0", "--keep-ratio", str(ratio)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout)["text"].strip().split("\n")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("--print", action="store_true", help="leave the README as it is")
    parser.add_argument("presses", nargs="*", default=PRESSES)
    args = parser.parse_args()
    expected = {
        name: json.loads((MODEL / f"prompts/{name}.json").read_text())["expect"] for name in PROMPTS
    }
    lines = ["| press | " + " | ".join(f"{name}: {expected[name]}" for name in PROMPTS) + " |", "|---" * (len(PROMPTS) + 1) + "|"]
    for press in args.presses:
        cells = []
        for name in PROMPTS:
            text = answer(args.kvhost, name, press, args.keep_ratio)
            right = text.rstrip(".").split(" ")[0].rstrip(".,") == expected[name]
            cells.append("yes" if right else text[:14].replace("|", "/") or "nothing")
        lines.append(f"| {'full cache' if press == 'none' else press} | " + " | ".join(cells) + " |")
    print("\n".join(lines))
    if not args.print:
        rewrite(MODEL / "prompts/README.md", "answers", lines)


if __name__ == "__main__":
    main()
