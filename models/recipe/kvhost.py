# SPDX-License-Identifier: Apache-2.0
"""Asks the kvhost program: greedy continuations, and which token it finds likeliest at each place of a continuation."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """The program, the model it runs, and the threads it may take."""

    binary: Path
    model: Path
    threads: int = 1

    def ask(self, command: list[str], files: dict[str, list[int]]) -> dict:
        """Runs `kvhost command` with token files; its JSON report."""
        with tempfile.TemporaryDirectory() as folder:
            flags = []
            for flag, tokens in files.items():
                path = Path(folder, flag.strip("-") + ".json")
                path.write_text(json.dumps(tokens))
                flags += [flag, str(path)]
            out = Path(folder, "out.json")
            line = [str(self.binary), *command, *flags, "--model", str(self.model), "--threads", str(self.threads), "--json", str(out)]
            done = subprocess.run(line, capture_output=True, text=True)
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(line)}: exit code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
            return json.loads(out.read_text())

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        """The next `count` tokens with the full cache."""
        report = self.ask(["run", "-q", "--press", "none", "-n", str(count)], {"--tokens-file": prompt})
        return report["tokens"]

    def likeliest(self, context: list[int], continuation: list[int], press: str, keep_ratio: float) -> list[int]:
        """The likeliest token at every place of the continuation, read after the context was compressed."""
        budget = [] if press == "none" else ["--keep-ratio", str(keep_ratio)]
        files = {"--tokens-file": context, "--continuation-file": continuation}
        return self.ask(["score", "--press", press, *budget], files)["top1"]
