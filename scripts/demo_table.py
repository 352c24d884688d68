#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What methods answer to the bundled prompts, as a markdown table for models/demo/prompts/README.md.

    scripts/demo_table.py [--kvhost BIN] [--keep-ratio 0.25] [PRESS ...]
"""

import argparse
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "models/demo"  # by name, so that an installed program's own copy is not taken
PROMPTS = ("needle", "several", "words", "list", "passkey")
PRESSES = ("none", "rankkv:adakv:snapkv", "adakv:snapkv", "snapkv", "snapkv(kernel_size=13)", "chunkkv:snapkv", "critical_adakv:snapkv",
           "observed_attention", "expected_attention", "compactor", "tova", "keydiff", "knorm", "streaming_llm", "random")


def answer(kvhost: str, prompt: str, press: str, ratio: float) -> str:
    command = [kvhost, "run", "--model", str(MODEL), "--demo", prompt, "--press", press, "--quiet", "--json", "-"]
    command += [] if press == "none" else ["--keep-ratio", str(ratio)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout)["text"].strip().split("\n")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kvhost", default=str(ROOT / "build/release/bin/kvhost"))
    parser.add_argument("--keep-ratio", type=float, default=0.25)
    parser.add_argument("presses", nargs="*", default=PRESSES)
    args = parser.parse_args()
    expected = {
        name: json.loads((MODEL / f"prompts/{name}.json").read_text())["expect"] for name in PROMPTS
    }
    print("| press | " + " | ".join(f"{name}: {expected[name]}" for name in PROMPTS) + " |")
    print("|---" * (len(PROMPTS) + 1) + "|")
    for press in args.presses:
        cells = []
        for name in PROMPTS:
            text = answer(args.kvhost, name, press, args.keep_ratio)
            right = text.rstrip(".").split(" ")[0].rstrip(".,") == expected[name]
            cells.append("yes" if right else text[:14].replace("|", "/") or "nothing")
        print(f"| {'full cache' if press == 'none' else press} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
