"""Frankfurter over HTTP: the European Central Bank's reference rates of a working day, keyless.

https://frankfurter.dev/v1/; the lists of its second version are understood, too.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.provider import (
    BAD_FRAME,
    Call,
    Event,
    FrameContext,
    Keyless,
    PollProvider,
    Reply,
    RequestRejected,
    batches,
    decode,
    unreadable,
)
from omcrm.feeds.providers.frankfurter import POLL
from omcrm.market.currency import cross_rate, currencies
from omcrm.market.parsing import exact, mapping, sequence, text
from omcrm.market.tick import Tick, Trade

_BASE = "USD"
_NOT_FOUND = (404, 422)
_LONGEST = 200
# The bank sits in Frankfurt and publishes at about this hour.
_FRANKFURT = ZoneInfo("Europe/Berlin")
_PUBLISHED = time(16)


class Frankfurter(Keyless):
    """Names are pairs like `EURUSD`; their currencies are requested against the dollar."""

    source = POLL.source
    limits = POLL.limits

    def __init__(self, base: str) -> None:
        self._base = base

    def calls(self, names: Sequence[str]) -> list[Call]:
        return [
            Call(f"{self._base}/v1/latest?{_query(batch)}", batch)
            for batch in batches(names, self.limits.batch)
        ]

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        try:
            message = decode(reply.body)
            if reply.status in _NOT_FOUND:
                return [RequestRejected(reply.status, text(mapping(message)["message"])[:_LONGEST])]
            denied = refusal(reply)
            return [denied] if denied else self._read(_rows(message), arrival)
        except BAD_FRAME as error:
            return [refusal(reply) or unreadable(error)]

    def _read(self, rows: Iterable[dict[str, Any]], arrival: FrameContext) -> list[Event]:
        table: dict[str, Any] = {_BASE: 1}
        times: dict[str, datetime] = {}
        for row in rows:
            if text(row["base"]) != _BASE:
                raise ValueError("rates against another currency")
            code = text(row["quote"])
            table[code], times[code] = row["rate"], _published(row["date"])
        ticks = (self._tick(name, table, times, arrival) for name in arrival.names)
        return [tick for tick in ticks if tick is not None]

    def _tick(
        self, name: str, table: dict[str, Any], times: dict[str, datetime], arrival: FrameContext
    ) -> Tick | None:
        price = cross_rate(table, name)
        known = [times[code] for code in currencies(name) if code in times]
        if price is None or not known:
            return None
        # As old as the older of its two rates. A date may be sent before its hour has come.
        trade = Trade(price, time=min(*known, arrival.received_at))
        return Tick(
            arrival.names[name], self.source, arrival.received_at, arrival.connection, trade=trade
        )


def _query(names: Iterable[str]) -> str:
    codes = {code for name in names for code in currencies(name)} - {_BASE}
    return urlencode({"base": _BASE, "symbols": ",".join(sorted(codes))}, safe=",")


def _rows(message: Any) -> list[dict[str, Any]]:
    """One row for each currency, as the second version sends them; the first sends a table."""
    if not isinstance(message, dict):
        return [mapping(row) for row in sequence(message)]
    if exact(message.get("amount", 1)) != 1:
        raise ValueError("rates of another amount")
    both = {"base": message["base"], "date": message["date"]}
    return [
        {**both, "quote": code, "rate": rate} for code, rate in mapping(message["rates"]).items()
    ]


def _published(day: Any) -> datetime:
    """When the rates of a day were published: only its date is sent."""
    moment = datetime.combine(date.fromisoformat(text(day)), _PUBLISHED, _FRANKFURT)
    return moment.astimezone(UTC)


def create(settings: FeedSettings) -> PollProvider:
    """The provider of these settings."""
    return Frankfurter(settings.urls[POLL.source.name])
