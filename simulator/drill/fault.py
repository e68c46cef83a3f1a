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

    `lies` where prices are wrong that come in time, `is_channel` where one channel stops while
    another goes on, `ends_connections` where connections end or bring nothing. What `is_at_close`
    begins before a market's close and lasts beyond it. `is_compared` where it matters how many
    sources there are, `of_shares` where only shares can have it, `takes_back` where some trades are
    wrong, and taken back at once.
    """

    about: str
    commands: tuple[FaultCommand, ...]
    repeated: tuple[FaultCommand, ...] = ()
    every: float = 0.0
    symbol: bool = False
    moves: bool = True
    sources: tuple[str, ...] = ()
    over_http: bool = False
    lies: bool = False
    is_channel: bool = False
    ends_connections: bool = False
    is_at_close: bool = False
    is_compared: bool = False
    of_shares: bool = False
    takes_back: bool = False

    def suits(self, source: str) -> bool:
        """Whether it can be played at this source."""
        if self.sources:
            return source in self.sources
        return self.over_http or source not in POLLS


_TWO_CHANNELS = ("binance", "kraken", "okx", "alpaca", "massive")
_WITH_HOURS = ("finnhub", "alpaca", "massive", "massive_forex", "kraken")
_CUT = {"fault": "cut", "how": "rst"}


def _off_by(part: float) -> DrillFault:
    return DrillFault(
        f"all prices are {abs(part):.1%} {'above' if part > 0 else 'below'} the market's",
        ({"fault": "wrong_prices", "factor": 1 + part},),
        lies=True,
        is_compared=True,
    )


FAULTS: Mapping[str, DrillFault] = {
    "mute": DrillFault("pings go on, data stops", ({"fault": "mute"},), ends_connections=True),
    "cut": DrillFault(
        "connections are reset, new ones refused",
        ({"fault": "refuse", "status": 503}, _CUT),
        over_http=True,
        ends_connections=True,
    ),
    "half-open": DrillFault(
        "nothing is sent, read, answered or closed",
        ({"fault": "half_open"},),
        over_http=True,
        ends_connections=True,
    ),
    "delay": DrillFault(
        "every frame is 20 s late",
        ({"fault": "delay", "seconds": 20},),
        ends_connections=True,
    ),
    "skewed-clock": DrillFault(
        "its clock is 4 s ahead",
        ({"fault": "skewed_clock", "seconds": 4},),
        moves=False,
        is_compared=True,
    ),
    "stepped-clock": DrillFault(
        "its clock is set from 4 s ahead to 4 s behind and back every 10 s",
        ({"fault": "stepped_clock", "seconds": 4, "every": 10},),
        moves=False,
        is_compared=True,
    ),
    "future-time": DrillFault(
        "all its times are an hour ahead",
        ({"fault": "skewed_clock", "seconds": 3600},),
        is_compared=True,
    ),
    "old-time": DrillFault(
        "all its times are of a day ago",
        ({"fault": "skewed_clock", "seconds": -86_400},),
        is_compared=True,
    ),
    "future-trade": DrillFault(
        "a trade with a time 50 min ahead now and then",
        (),
        ({"fault": "wrong_time", "seconds": 3000},),
        0.5,
        symbol=True,
        moves=False,
        is_compared=True,
    ),
    "frozen": DrillFault(
        "prices repeat, with new ids and times",
        ({"fault": "frozen_prices"},),
        lies=True,
        is_compared=True,
    ),
    "far-above": _off_by(0.12),
    "above": _off_by(0.06),
    "below": _off_by(-0.06),
    "slightly-above": _off_by(0.006),
    "walks-off": DrillFault(
        "prices drift away by 0.3 % a second",
        ({"fault": "wrong_prices", "a_second": 0.003},),
        lies=True,
        is_compared=True,
    ),
    "dead-trades": DrillFault(
        "no more trades, while tickers and books go on",
        ({"fault": "dead_channel", "channel": "trades"},),
        moves=False,
        sources=_TWO_CHANNELS,
        is_channel=True,
        is_compared=True,
    ),
    "dead-books": DrillFault(
        "no more tickers and books, while trades go on",
        ({"fault": "dead_channel", "channel": "books"},),
        moves=False,
        sources=_TWO_CHANNELS,
        is_channel=True,
        is_compared=True,
    ),
    "dead-at-close": DrillFault(
        "data stops a minute before the market closes, and until after it",
        ({"fault": "mute"},),
        sources=_WITH_HOURS,
        ends_connections=True,
        is_at_close=True,
        is_compared=True,
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
        of_shares=True,
        is_compared=True,
        takes_back=True,
    ),
    "garbage": DrillFault(
        "malformed frames", (), ({"fault": "garbage"}, {"fault": "binary"}), 2.0, moves=False
    ),
    "429": DrillFault(
        "connections are reset and refused for a limit",
        ({"fault": "refuse", "status": 429, "retry_after": 5}, _CUT),
        over_http=True,
        ends_connections=True,
    ),
    "flap": DrillFault(
        "connections are reset every second", (), (_CUT,), 1.0, ends_connections=True
    ),
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
