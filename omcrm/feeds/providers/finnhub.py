"""Finnhub: trades of shares and coins over WebSocket, and quotes over HTTP; with a key.

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
from omcrm.feeds.provider import (
    BAD_FRAME,
    AccessDenied,
    Budget,
    Call,
    Event,
    FrameContext,
    PollLimits,
    Reply,
    RequestRejected,
    StreamLimits,
    decode,
    unreadable,
)
from omcrm.market.parsing import (
    exact,
    from_milliseconds,
    from_seconds,
    integer,
    mapping,
    sequence,
    text,
)
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, Tick, Trade

SOURCE = Source("finnhub", PriceClass.LIVE)
QUOTE_SOURCE = Source("finnhub_quote", PriceClass.INDICATIVE)
KEY = "FINNHUB_API_KEY"

# A free key has fifty symbols, each subscribed by a frame of its own; their rate is not documented,
# so it is ten a second. When the market is closed only a ping a minute comes.
_LIMITS = StreamLimits(symbols=50, frame_spacing=0.1, heartbeat_timeout=150.0, connections=1)
# All plans are limited to thirty calls a second as well: pollers stay far below it.
_QUOTE_LIMITS = PollLimits(batch=1, interval=10.0, budgets=(Budget(60, "minute"),))

_LONGEST = 200
# In percent: the reported and the computed change are both rounded.
_ROUNDING = Decimal("0.1")


_FORBIDDEN, _NO_ACCESS = 403, b"don't have access"


class _Keyed:
    """What the stream and the poller have in common: one key, read anew each time."""

    def __init__(self, base: str, keys: Keys) -> None:
        self._base = base
        self._keys = keys

    def missing(self) -> str | None:
        return None if self.api_key() else KEY

    def api_key(self) -> str:
        return self._keys.get(KEY)

    def _refused(self, words: Any) -> RequestRejected:
        # An upstream may repeat the key in its message.
        return RequestRejected(0, self._keys.hide(text(words))[:_LONGEST])


# The stream


class Finnhub(_Keyed):
    """Names are AAPL, BINANCE:BTCUSDT, OANDA:EUR_USD.

    Nothing is acknowledged, and an unknown name gets no answer. A second connection with the same
    key ends both.
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
        # A ping needs no answer, and new types may appear.
        return []

    def _ticks(self, trades: list[Any], arrival: FrameContext) -> list[Tick]:
        followed = [trade for trade in map(mapping, trades) if text(trade["s"]) in arrival.names]
        # They come in any order, and an older one after a newer one is rejected. None is left
        # out, not even an equal one: trades have no number, and candles count all of them.
        followed.sort(key=lambda entry: integer(entry["t"]))
        return [self._tick(trade, arrival) for trade in followed]

    def _tick(self, entry: dict[str, Any], arrival: FrameContext) -> Tick:
        trade = Trade(exact(entry["p"]), _size(entry.get("v")), time=from_milliseconds(entry["t"]))
        return Tick(
            arrival.names[entry["s"]],
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=trade,
        )


def _command(kind: str, name: str) -> str:
    return msgspec.json.encode({"type": kind, "symbol": name}).decode()


def _size(value: Any) -> Decimal | None:
    """The size; None for 0, which venues without trades send with a new price."""
    size = None if value is None else exact(value)
    return size or None


# The poller


class FinnhubQuote(_Keyed):
    """One symbol in each call; the key is sent in a header, for URLs end up in logs."""

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
        # Hidden before the text is cut, so that no half of a key remains.
        body = self._keys.hide(reply.body.decode("utf-8", "replace")).encode()
        denied = refusal(structs.replace(reply, body=body))
        if denied is not None and denied.status == _FORBIDDEN and _NO_ACCESS in body:
            # The plan lacks this symbol; the others are served.
            return RequestRejected(denied.status, denied.message)
        return denied

    def _read(self, name: str, quote: dict[str, Any], arrival: FrameContext) -> list[Event]:
        if "error" in quote:
            return [self._refused(quote["error"])]
        symbol = arrival.names.get(name)
        # Zeros are an unknown symbol, and sometimes a known one under load.
        if symbol is None or quote.get("c") in (None, 0) or quote.get("t") in (None, 0):
            return []
        trade = Trade(exact(quote["c"]), time=from_seconds(quote["t"]))
        return [
            Tick(
                symbol,
                self.source,
                arrival.received_at,
                arrival.connection,
                trade=trade,
                day=_day(quote, trade),
            )
        ]


def _day(quote: dict[str, Any], trade: Trade) -> DayFigures | None:
    """The trading day's figures; None before it has any."""
    opened, high, low = (_price(quote.get(key)) for key in ("o", "h", "l"))
    change = _change(quote, trade.price)
    if (opened, high, low, change) == (None, None, None, None):
        return None
    return DayFigures(opened, high, low, change_percent=change, time=trade.time)


def _price(value: Any) -> Decimal | None:
    """A price of the day; None for 0, which means that there is none."""
    return None if value is None else exact(value) or None


def _change(quote: dict[str, Any], price: Decimal) -> Decimal | None:
    """The change since the previous close in percent; None where the two contradict each other."""
    before, reported = _price(quote.get("pc")), quote.get("dp")
    computed = None if before is None else (price / before - 1) * 100
    change = computed if reported is None else exact(reported)
    if change is None:
        return None
    if computed is not None and abs(change - computed) > _ROUNDING:
        return None
    return round(change, 3)
