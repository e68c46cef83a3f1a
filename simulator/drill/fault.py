"""The faults of a drill, and the commands that play them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from omcrm.feeds.registry import POLLS

FaultCommand = Mapping[str, Any]


class DrillFault(Struct, frozen=True):
    """The commands for the provider: `commands` at the beginning, `repeated` every `every` seconds.

    With `symbol` each command names a symbol. `moves` is False where the provider stays the active
    source, because only single prices are wrong. `sources` are those that it can be played at,
    empty for all streams; `over_http` where it can be played at polled sources as well.
    """

    about: str
    commands: tuple[FaultCommand, ...]
    repeated: tuple[FaultCommand, ...] = ()
    every: float = 0.0
    symbol: bool = False
    moves: bool = True
    sources: tuple[str, ...] = ()
    over_http: bool = False

    def suits(self, source: str) -> bool:
        """Whether it can be played at this source."""
        if self.sources:
            return source in self.sources
        return self.over_http or source not in POLLS


_CUT = {"fault": "cut", "how": "rst"}

FAULTS: Mapping[str, DrillFault] = {
    "mute": DrillFault("pings go on, data stops", ({"fault": "mute"},)),
    "cut": DrillFault(
        "connections are reset, new ones refused",
        ({"fault": "refuse", "status": 503}, _CUT),
        over_http=True,
    ),
    "half-open": DrillFault(
        "nothing is sent, read, answered or closed", ({"fault": "half_open"},), over_http=True
    ),
    "delay": DrillFault("every frame is 20 s late", ({"fault": "delay", "seconds": 20},)),
    "skewed-clock": DrillFault(
        "its clock is 4 s ahead", ({"fault": "skewed_clock", "seconds": 4},), moves=False
    ),
    "stepped-clock": DrillFault(
        "its clock is set from 4 s ahead to 4 s behind and back every 10 s",
        ({"fault": "stepped_clock", "seconds": 4, "every": 10},),
        moves=False,
    ),
    "spike": DrillFault(
        "trades at one and a half times the price",
        (),
        ({"fault": "spike", "factor": 1.5, "count": 2},),
        1.0,
        symbol=True,
        moves=False,
    ),
    "bad-conditions": DrillFault(
        "trades 7 % away whose conditions forbid them to be the last price; cancels, corrections",
        (),
        ({"fault": "bad_conditions", "factor": 0.93},),
        1.0,
        symbol=True,
        moves=False,
        sources=("finnhub", "alpaca", "massive"),
    ),
    "garbage": DrillFault(
        "malformed frames", (), ({"fault": "garbage"}, {"fault": "binary"}), 2.0, moves=False
    ),
    "429": DrillFault(
        "connections are reset and refused for a limit",
        ({"fault": "refuse", "status": 429, "retry_after": 5}, _CUT),
        over_http=True,
    ),
    "flap": DrillFault("connections are reset every second", (), (_CUT,), 1.0),
    "refused-polls": DrillFault(
        "every call is refused with 403",
        ({"fault": "refuse_calls", "status": 403},),
        sources=tuple(POLLS),
    ),
    "week-old-polls": DrillFault(
        "answers have times of a week ago",
        ({"fault": "old_answers", "days": 7},),
        sources=tuple(POLLS),
    ),
}
