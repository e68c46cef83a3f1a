"""Alpha Vantage over HTTP: the last trading day of a share, 25 calls a day.

https://www.alphavantage.co/documentation/#latestprice
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    BAD_FRAME,
    AccessDenied,
    Call,
    Event,
    FrameContext,
    PollProvider,
    Reply,
    RequestRejected,
    Unreadable,
    batches,
    decode,
    unreadable,
)
from omcrm.feeds.providers.alpha_vantage import KEY, POLL
from omcrm.market.parsing import exact, mapping, text
from omcrm.market.tick import DayFigures, Tick, Trade

_LONGEST = 200
_NEW_YORK = ZoneInfo("America/New_York")
_CLOSE = time(16)


class AlphaVantage:
    """Names are tickers like `IBM`."""

    source = POLL.source
    limits = POLL.limits

    def __init__(self, base: str, keys: Keys) -> None:
        self._base = base
        self._keys = keys

    def missing(self) -> str | None:
        return None if self._keys.get(KEY.env) else KEY.env

    def api_key(self) -> str:
        return self._keys.get(KEY.env)

    def calls(self, names: Sequence[str]) -> list[Call]:
        key = self._keys.get(KEY.env)
        return [
            Call(f"{self._base}/query?{_query(batch[0], key)}", batch)
            for batch in batches(names, self.limits.batch)
        ]

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        if refused := self.refused(reply, arrival.received_at):
            return [refused]
        try:
            return self._read(mapping(decode(reply.body)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def refused(
        self, reply: Reply, now: datetime
    ) -> RequestRejected | AccessDenied | Unreadable | None:
        """The refusal in a reply, by its status or its text; None for any other reply."""
        if denied := refusal(self._without_key(reply)):
            return denied
        try:
            message = mapping(decode(reply.body))
            # Refusals come with 200 as well: they are checked before any data.
            for field in ("Error Message", "Note", "Information"):
                if field in message:
                    original = text(message[field])
                    # Hidden before it is cut: half a key at the end would not be recognised.
                    words = self._keys.hide(original)[:_LONGEST]
                    return _refused(field, original.lower(), words, now)
        except BAD_FRAME as error:
            return unreadable(error)
        return None

    def _without_key(self, reply: Reply) -> Reply:
        body = self._keys.hide(reply.body.decode("utf-8", "replace"))
        return structs.replace(reply, body=body.encode())

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        quote = mapping(message["Global Quote"])
        tick = self._tick(quote, arrival) if quote else None
        return [] if tick is None else [tick]

    def _tick(self, quote: dict[str, Any], arrival: FrameContext) -> Tick | None:
        symbol = arrival.names.get(text(quote["01. symbol"]))
        if symbol is None:
            return None
        # Where the day is not over yet, the price is at most as new as its arrival.
        moment = min(_close_of(quote["07. latest trading day"]), arrival.received_at)
        return Tick(
            symbol,
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=Trade(exact(text(quote["05. price"])), time=moment),
            day=DayFigures(
                open=_number(quote, "02. open"),
                high=_number(quote, "03. high"),
                low=_number(quote, "04. low"),
                volume=_number(quote, "06. volume"),
                change_percent=_number(quote, "10. change percent"),
                time=moment,
            ),
        )


def _query(symbol: str, key: str) -> str:
    return urlencode({"function": "GLOBAL_QUOTE", "symbol": symbol, "apikey": key})


def _number(quote: dict[str, Any], field: str) -> Decimal | None:
    return exact(text(quote[field]).removesuffix("%")) if field in quote else None


def _close_of(day: Any) -> datetime:
    """The close of a trading day: only its date is sent, and most days end at 16:00 in New York."""
    return datetime.combine(date.fromisoformat(text(day)), _CLOSE, _NEW_YORK).astimezone(UTC)


# What its refusal texts mean


def _refused(field: str, lowered: str, words: str, now: datetime) -> RequestRejected | AccessDenied:
    if field == "Error Message":
        return AccessDenied(401, words) if "apikey" in lowered else RequestRejected(400, words)
    # The order matters. A refusal for a burst also names the day's limit in brackets, and every
    # refusal names the premium plans.
    if any(burst in lowered for burst in ("per second", "per-second", "per minute")):
        return AccessDenied(429, words)
    if "per day" in lowered:
        return AccessDenied(429, words, retry_after=_rest_of_day(now))
    if "rate limit" in lowered:
        return AccessDenied(429, words)
    if "demo" in lowered:
        return AccessDenied(401, words)
    return AccessDenied(403, words) if "premium" in lowered else RequestRejected(400, words)


def _rest_of_day(now: datetime) -> float:
    """The seconds until the next day of UTC."""
    now = now.astimezone(UTC)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return (tomorrow - now).total_seconds()


def create(settings: FeedSettings) -> PollProvider:
    """The provider of these settings."""
    return AlphaVantage(settings.urls[POLL.source.name], settings.keys)
