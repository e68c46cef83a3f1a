"""CoinGecko over HTTP: market averages in dollars, minutes old; keyless or with a demo key.

https://docs.coingecko.com/reference/simple-price
"""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    BAD_FRAME,
    AccessDenied,
    Call,
    Event,
    FrameContext,
    Keyless,
    PollProvider,
    Reply,
    batches,
    decode,
    unreadable,
)
from omcrm.feeds.providers.coingecko import KEY, POLL
from omcrm.market.parsing import exact, from_seconds, mapping
from omcrm.market.tick import DayFigures, Tick, Trade


class CoinGecko(Keyless):
    """Names are ids like `bitcoin`: the same symbol may be several coins."""

    source = POLL.source
    limits = POLL.limits

    def __init__(self, base: str, keys: Keys) -> None:
        self._base = base
        self._keys = keys

    def api_key(self) -> str:
        return self._keys.get(KEY.env)

    def calls(self, names: Sequence[str]) -> list[Call]:
        key = self._keys.get(KEY.env)
        headers = {"x-cg-demo-api-key": key} if key else {}
        return [
            Call(f"{self._base}/simple/price?{_query(batch)}", batch, headers)
            for batch in batches(names, self.limits.batch)
        ]

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        if denied := refusal(reply):
            return [denied]
        try:
            return self._read(mapping(decode(reply.body)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        if "status" in message:
            words = mapping(message["status"]).get("error_message", "")
            return [AccessDenied(429, str(words)[:200])]
        # An id that is missing, or has no price, is a coin that is no longer served.
        ticks = [self._tick(name, mapping(entry), arrival) for name, entry in message.items()]
        return [tick for tick in ticks if tick is not None]

    def _tick(self, name: str, entry: dict[str, Any], arrival: FrameContext) -> Tick | None:
        symbol = arrival.names.get(name)
        if symbol is None or entry.get("usd") is None:
            return None
        time = from_seconds(entry["last_updated_at"])
        trade = Trade(exact(entry["usd"]), time=time)
        change = entry.get("usd_24h_change")
        day = None
        if change is not None:
            day = DayFigures(change_percent=round(exact(change), 3), time=time)
        return Tick(
            symbol, self.source, arrival.received_at, arrival.connection, trade=trade, day=day
        )


def _query(ids: Iterable[str]) -> str:
    return urlencode(
        {
            "ids": ",".join(ids),
            "vs_currencies": "usd",
            "include_24hr_change": "true",
            "include_last_updated_at": "true",
            "precision": "full",
        }
    )


def create(settings: FeedSettings) -> PollProvider:
    """The provider of these settings."""
    return CoinGecko(settings.urls[POLL.source.name], settings.keys)
