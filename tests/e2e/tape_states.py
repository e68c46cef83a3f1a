"""The states of a tape, read independently of the code under test."""

import gzip
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

State = tuple[Decimal | None, Decimal | None, Decimal | None]


def states(tape: Path, pair: str) -> list[State]:
    """Last price, bid and ask of a pair after each of its trades and book tickers."""
    recorded: list[State] = []
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    opened = gzip.open if tape.suffix == ".gz" else open
    with opened(tape, "rt") as lines:
        for line in lines:
            message = json.loads(line.partition(" ")[2])
            event = message.get("data", {})
            if event.get("s") != pair:
                continue
            if event.get("e") == "trade":
                last = Decimal(event["p"])
            elif "e" not in event and "u" in event:
                bid, ask = Decimal(event["b"]), Decimal(event["a"])
            else:
                continue
            recorded.append((last, bid, ask))
    return recorded


def disagreements(updates: Iterable[dict[str, Any]], recorded: Sequence[State]) -> list[Any]:
    """The updates that are no later state of the tape than the one before them."""
    next_index, wrong = 0, []
    for update in updates:
        state = _state(update)
        for index in range(next_index, len(recorded)):
            if recorded[index] == state:
                next_index = index
                break
        else:
            wrong.append((update["seq"], state, next_index))
    return wrong


def final(update: dict[str, Any] | None) -> State | None:
    """An update as a state, to compare it with the tape's last one."""
    return None if update is None else _state(update)


def _state(update: dict[str, Any]) -> State:
    price, bid, ask = (update[field] for field in ("price", "bid", "ask"))
    return tuple(None if value is None else Decimal(str(value)) for value in (price, bid, ask))  # type: ignore[return-value]
