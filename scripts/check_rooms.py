#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DEVELOPERS.md's table of rooms is what the build enforces: each room sees the rooms that its CMakeLists.txt names.

A wrong include does not compile; this keeps the table honest.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def built():
    """room -> rooms named after SEES, registry included."""
    rooms = {}
    for file in sorted(ROOT.glob("host/*/CMakeLists.txt")):
        for call in re.findall(r"kvhost_room\(([^()]*(?:\([^()]*\)[^()]*)*)\)", file.read_text()):
            words = re.sub(r"#.*", "", call).split()
            part = words[words.index("SEES") + 1 :] if "SEES" in words else []
            rooms[words[0]] = set(part[: part.index("LIBS")] if "LIBS" in part else part)
    return rooms


def told():
    text = (ROOT / "DEVELOPERS.md").read_text()
    table = text[text.index("<!-- rooms begin -->") : text.index("<!-- rooms end -->")]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", table, re.M)
    rooms = {}
    for room, sees in rows:
        everything = sees.strip() == "all of the above"
        rooms[room] = set(rooms) | {"registry"} if everything else set(re.findall(r"\w+", sees))
    return rooms


def used(room):
    names = set()
    for file in (ROOT / "host" / room).rglob("*.[ch]pp"):
        names |= set(re.findall(r'^#include "(\w+)/', file.read_text(), re.M))
    return names - {room}


def main():
    faults = []
    built_rooms, told_rooms = built(), told()
    for room in sorted(built_rooms.keys() | told_rooms.keys()):
        if built_rooms.get(room) != told_rooms.get(room):
            faults.append(f"{room}: DEVELOPERS.md says {sorted(told_rooms.get(room, []))}, "
                          f"host/{room}/CMakeLists.txt {sorted(built_rooms.get(room, []))}")
        named, included = built_rooms.get(room, set()), used(room)
        known = built_rooms.keys() | {"registry"}
        if strange := (included & known) - named:
            faults.append(f"{room}: includes {sorted(strange)}, which it does not name")
    for fault in faults:
        print(f"check_rooms: {fault}", file=sys.stderr)
    if not faults:
        print(f"check_rooms: {len(built_rooms)} rooms as DEVELOPERS.md has them")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
