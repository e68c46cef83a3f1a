"""Prints the branch coverage of each room, from the JSON report of `coverage` (`make coverage`)."""

import json
import sys
from collections import Counter
from pathlib import Path

_FIGURES = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def room_of(path: str) -> str:
    """`omcrm/feeds` for every file below it; a file outside of the rooms is of its package."""
    parts = Path(path).parts
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def table(report: dict) -> list[str]:
    """One line for each room and one for all of them."""
    rooms: dict[str, Counter[str]] = {}
    for path, file in report["files"].items():
        figures = {name: file["summary"][name] for name in _FIGURES}
        rooms.setdefault(room_of(path), Counter()).update(figures)
    rooms = {room: rooms[room] for room in sorted(rooms)}
    rooms["all"] = sum(rooms.values(), Counter())
    head = f"{'room':<22}{'statements':>12}{'branches':>12}{'covered':>10}"
    return [head, *(_line(room, figures) for room, figures in rooms.items())]


def _line(room: str, figures: Counter[str]) -> str:
    parts = figures["num_statements"] + figures["num_branches"]
    share = (figures["covered_lines"] + figures["covered_branches"]) / parts if parts else 1.0
    return f"{room:<22}{figures['num_statements']:>12}{figures['num_branches']:>12}{share:>9.1%}"


if __name__ == "__main__":
    print("\n".join(table(json.loads(Path(sys.argv[1]).read_text()))))
