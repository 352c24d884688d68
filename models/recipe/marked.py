# SPDX-License-Identifier: Apache-2.0
"""Text between two marks of a file, written by a program: <!-- NAME: written by PROGRAM --> ... <!-- NAME end -->."""

from __future__ import annotations

from pathlib import Path


def rewrite(path: Path, name: str, lines: list[str]) -> None:
    """Puts lines between the marks of `name`; the marks must be there, each on a line of its own."""
    text = path.read_text().split("\n")
    begins = [i for i, line in enumerate(text) if line.startswith(f"<!-- {name}: written by ")]
    ends = [i for i, line in enumerate(text) if line == f"<!-- {name} end -->"]
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise SystemExit(f"{path}: {len(begins)} beginnings and {len(ends)} ends of the block '{name}'; expected one of each")
    path.write_text("\n".join([*text[: begins[0] + 1], "", *lines, "", *text[ends[0] :]]))
