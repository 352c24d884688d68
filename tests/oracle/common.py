# SPDX-License-Identifier: Apache-2.0
"""What the oracle scripts share: where the program is, how it is run, how tables are printed."""

import argparse
import atexit
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class HostError(RuntimeError):
    """The program ended with a non-zero code; carries the code and the command that reproduces it."""

    def __init__(self, command, code, stderr):
        self.command, self.code, self.stderr = command, code, stderr.strip()
        super().__init__(f"exit {code}: {self.stderr or '(nothing on stderr)'}\n  {' '.join(command)}")


def add_host_flag(parser):
    parser.add_argument(
        "--kvhost",
        default=os.environ.get("KVHOST_BIN", str(ROOT / "build/release/bin/kvhost")),
        help="the program under test (default: $KVHOST_BIN, else build/release/bin/kvhost)",
    )


def make_parser(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_host_flag(parser)
    return parser


class Host:
    """Runs the command line program and reads back the JSON files it writes."""

    def __init__(self, binary):
        self.binary = str(binary)
        if not os.access(self.binary, os.X_OK):
            raise SystemExit(f"no program at {self.binary}; build it or set KVHOST_BIN")
        self.folder = Path(tempfile.mkdtemp(prefix="kvhost-oracle-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.n_files = 0

    def path(self, suffix=".json"):
        self.n_files += 1
        return str(self.folder / f"{self.n_files:05d}{suffix}")

    def write_tokens(self, tokens):
        path = self.path()
        Path(path).write_text(json.dumps([int(t) for t in tokens]))
        return path

    def call(self, args, timeout=600):
        command = [self.binary, *map(str, args)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HostError(command, -1, str(error)) from error
        if done.returncode != 0:
            raise HostError(command, done.returncode, done.stderr)
        return command, done.stdout

    def run_json(self, args, flag, suffix=".json", timeout=600):
        """Runs with `flag OUT` appended; returns the parsed OUT and the command."""
        out = self.path(suffix)
        command, _ = self.call([*args, flag, out], timeout=timeout)
        return json.loads(Path(out).read_text()), command


def print_table(header, rows):
    cells = [[str(c) for c in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for n, row in enumerate(cells):
        print("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip())
        if n == 0:
            print("  ".join("-" * w for w in widths))
