"""The faults of a drill, and what the exchange is told to play them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Order = Mapping[str, Any]


class Fault(Struct, frozen=True):
    """What is asked of the venue: `orders` at the beginning, `again` every `every` seconds.

    `symbol` says that one symbol is to be named. `moves` is False where the provider goes on to
    speak, because only single prices are wrong.
    """

    about: str
    orders: tuple[Order, ...]
    again: tuple[Order, ...] = ()
    every: float = 0.0
    symbol: bool = False
    moves: bool = True


_CUT = {"fault": "cut", "how": "rst"}

FAULTS: Mapping[str, Fault] = {
    "mute": Fault("pings go on, data stops", ({"fault": "mute"},)),
    "cut": Fault(
        "connections are reset, new ones refused",
        ({"fault": "refuse", "status": 503}, _CUT),
    ),
    "half-open": Fault("nothing is sent, read, answered or closed", ({"fault": "half_open"},)),
    "delay": Fault("every frame is 20 s late", ({"fault": "delay", "seconds": 20},)),
    "spike": Fault(
        "trades at one and a half times the price",
        (),
        ({"fault": "spike", "factor": 1.5, "count": 2},),
        1.0,
        symbol=True,
        moves=False,
    ),
    "garbage": Fault(
        "malformed frames", (), ({"fault": "garbage"}, {"fault": "binary"}), 2.0, moves=False
    ),
    "429": Fault(
        "connections are reset and refused for a limit",
        ({"fault": "refuse", "status": 429, "retry_after": 5}, _CUT),
    ),
    "flap": Fault("connections are reset every second", (), (_CUT,), 1.0),
}
