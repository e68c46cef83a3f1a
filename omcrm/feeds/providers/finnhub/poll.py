"""Finnhub's quotes over HTTP: price and day of one share or coin in each call, with a key.

https://finnhub.io/docs/api/quote
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.provider import (
    BAD_FRAME,
    AccessDenied,
    Call,
    Event,
    FrameContext,
    PollProvider,
    Reply,
    RequestRejected,
    decode,
    unreadable,
)
from omcrm.feeds.providers.finnhub import POLL
from omcrm.feeds.providers.finnhub.account import FinnhubAccount
from omcrm.market.parsing import exact, from_seconds, mapping
from omcrm.market.tick import DayFigures, Tick, Trade

# In percent: the reported and the computed change are both rounded.
_ROUNDING = Decimal("0.1")
_FORBIDDEN, _NO_ACCESS = 403, b"don't have access"


class FinnhubQuote(FinnhubAccount):
    """One symbol in each call; the key is sent in a header, for URLs end up in logs."""

    source = POLL.source
    limits = POLL.limits

    def calls(self, names: Sequence[str]) -> list[Call]:
        headers = {"X-Finnhub-Token": self.api_key()}
        return [
            Call(f"{self.base}/quote?{urlencode({'symbol': name})}", (name,), headers)
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
        body = self.keys.hide(reply.body.decode("utf-8", "replace")).encode()
        denied = refusal(structs.replace(reply, body=body))
        if denied is not None and denied.status == _FORBIDDEN and _NO_ACCESS in body:
            # The plan lacks this symbol; the others are served.
            return RequestRejected(denied.status, denied.message)
        return denied

    def _read(self, name: str, quote: dict[str, Any], arrival: FrameContext) -> list[Event]:
        if "error" in quote:
            return [self.refused(quote["error"])]
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


def create(settings: FeedSettings) -> PollProvider:
    """The provider of these settings."""
    return FinnhubQuote(settings.urls[POLL.source.name], settings.keys)
