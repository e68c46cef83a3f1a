"""Finnhub: trades of shares and coins over WebSocket, and quotes that are asked for; with a key.

https://finnhub.io/docs/api
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import structs

from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.keys import Keys
from omcrm.feeds.parsing import (
    BAD_FRAME,
    decode,
    from_milliseconds,
    from_seconds,
    integer,
    mapping,
    sequence,
    text,
    unreadable,
)
from omcrm.feeds.provider import (
    AccessDenied,
    Budget,
    Call,
    Event,
    FrameContext,
    PollLimits,
    Reply,
    RequestRejected,
    StreamLimits,
)
from omcrm.market.number import exact
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, Tick, Trade

SOURCE = Source("finnhub", PriceClass.LIVE)
QUOTE_SOURCE = Source("finnhub_quote", PriceClass.INDICATIVE)
KEY = "FINNHUB_API_KEY"

# A free key has fifty symbols, each asked for by a frame of its own; how fast they may come nobody
# says, so it is ten a second. When the market is closed only a ping a minute comes.
_LIMITS = StreamLimits(symbols=50, frame_spacing=0.1, silence=150.0, connections=1)
# Besides the minute's calls no plan has more than thirty a second: pollers never come near it.
_QUOTE_LIMITS = PollLimits(batch=1, interval=10.0, budgets=(Budget(60, "minute"),))

_LONGEST = 200
# In percent: what is told and what is reckoned are both rounded.
_ROUNDING = Decimal("0.1")


_FORBIDDEN, _NO_ACCESS = 403, b"don't have access"


class _Keyed:
    """What both ways to ask have in common: one key, looked up anew each time."""

    def __init__(self, base: str, keys: Keys) -> None:
        self._base = base
        self._keys = keys

    def missing(self) -> str | None:
        return None if self.api_key() else KEY

    def api_key(self) -> str:
        return self._keys.get(KEY)

    def _refused(self, words: Any) -> RequestRejected:
        # An upstream may repeat the key in its words.
        return RequestRejected(0, self._keys.hide(text(words))[:_LONGEST])


# What is pushed


class Finnhub(_Keyed):
    """Names are AAPL, BINANCE:BTCUSDT, OANDA:EUR_USD.

    Nothing is acknowledged, and an unknown name is met with silence. A second connection with the
    same key ends both.
    """

    source = SOURCE
    limits = _LIMITS
    authenticates = False

    def url(self) -> str:
        return f"{self._base}?{urlencode({'token': self.api_key()})}"

    def opening(self) -> list[str]:
        return []

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [_command("subscribe", name) for name in names]

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [_command("unsubscribe", name) for name in names]

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            return self._read(mapping(decode(frame)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> Sequence[Event]:
        match text(message["type"]):
            case "trade":
                return self._ticks(sequence(message["data"]), arrival)
            case "error":
                return [self._refused(message["msg"])]
        # A ping wants no answer, and new types may appear.
        return []

    def _ticks(self, trades: list[Any], arrival: FrameContext) -> list[Tick]:
        followed = [trade for trade in map(mapping, trades) if text(trade["s"]) in arrival.names]
        # They come in any order, and behind a newer one an older one would be refused. None is
        # left out, not even a twin: trades have no number, and candles count all of them.
        followed.sort(key=lambda said: integer(said["t"]))
        return [self._tick(trade, arrival) for trade in followed]

    def _tick(self, said: dict[str, Any], arrival: FrameContext) -> Tick:
        trade = Trade(exact(said["p"]), _size(said.get("v")), time=from_milliseconds(said["t"]))
        return Tick(
            arrival.names[said["s"]],
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=trade,
        )


def _command(kind: str, name: str) -> str:
    return msgspec.json.encode({"type": kind, "symbol": name}).decode()


def _size(told: Any) -> Decimal | None:
    """The size; None for 0, with which venues without trades tell a new price."""
    size = None if told is None else exact(told)
    return size or None


# What is asked for


class FinnhubQuote(_Keyed):
    """One symbol in each call; its key travels in a header, for URLs are written down."""

    source = QUOTE_SOURCE
    limits = _QUOTE_LIMITS

    def calls(self, names: Sequence[str]) -> list[Call]:
        headers = {"X-Finnhub-Token": self.api_key()}
        return [
            Call(f"{self._base}/quote?{urlencode({'symbol': name})}", (name,), headers)
            for name in names
        ]

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        if refused := self._refusal(reply):
            return [refused]
        try:
            return self._read(call.names[0], mapping(decode(reply.body)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _refusal(self, reply: Reply) -> AccessDenied | RequestRejected | None:
        # Hidden before the text is cut, lest the half of a key be left.
        body = self._keys.hide(reply.body.decode("utf-8", "replace")).encode()
        expelled = refusal(structs.replace(reply, body=body))
        if expelled is not None and expelled.status == _FORBIDDEN and _NO_ACCESS in body:
            # The plan lacks this symbol; the others are served.
            return RequestRejected(expelled.status, expelled.message)
        return expelled

    def _read(self, name: str, said: dict[str, Any], arrival: FrameContext) -> list[Event]:
        if "error" in said:
            return [self._refused(said["error"])]
        symbol = arrival.names.get(name)
        # Zeros are an unknown symbol, and sometimes a known one under load.
        if symbol is None or said.get("c") in (None, 0) or said.get("t") in (None, 0):
            return []
        trade = Trade(exact(said["c"]), time=from_seconds(said["t"]))
        return [
            Tick(
                symbol,
                self.source,
                arrival.received_at,
                arrival.connection,
                trade=trade,
                day=_day(said, trade),
            )
        ]


def _day(said: dict[str, Any], trade: Trade) -> DayFigures | None:
    """The trading day's figures; None before it has any."""
    opened, high, low = (_price(said.get(key)) for key in ("o", "h", "l"))
    change = _change(said, trade.price)
    if (opened, high, low, change) == (None, None, None, None):
        return None
    return DayFigures(opened, high, low, change_percent=change, time=trade.time)


def _price(told: Any) -> Decimal | None:
    """A price of the day; None for 0, which stands for none."""
    return None if told is None else exact(told) or None


def _change(said: dict[str, Any], price: Decimal) -> Decimal | None:
    """The change since the previous close in percent; None where that contradicts it."""
    before, told = _price(said.get("pc")), said.get("dp")
    reckoned = None if before is None else (price / before - 1) * 100
    change = reckoned if told is None else exact(told)
    if change is None:
        return None
    if reckoned is not None and abs(change - reckoned) > _ROUNDING:
        return None
    return round(change, 3)
