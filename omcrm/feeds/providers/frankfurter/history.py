"""Frankfurter's time series: the European Central Bank's reference rate of each working day.

https://frankfurter.dev/v1/
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.history_provider import HistoryEvent, HistoryProvider, HistoryRequest
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.provider import (
    BAD_FRAME,
    Call,
    Keyless,
    Reply,
    RequestRejected,
    batches,
    decode,
    unreadable,
)
from omcrm.feeds.providers.frankfurter import HISTORY
from omcrm.market.currency import cross_rate, currencies
from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.parsing import exact, mapping, text

_BASE = "USD"
_NOT_FOUND = (404, 422)
_LONGEST = 200


class FrankfurterHistory(Keyless):
    """Names are pairs like `EURUSD`; one rate a day is a close, without any other figure."""

    source = HISTORY.source
    limits = HISTORY.limits
    reach = HISTORY.reach

    def __init__(self, base: str) -> None:
        self._base = base

    def calls(self, request: HistoryRequest) -> list[Call]:
        return [
            Call(f"{self._base}/v1/{request.first}..{request.last}?{_query(batch)}", batch)
            for batch in batches(list(request.names), self.limits.batch)
        ]

    def parse(self, call: Call, reply: Reply, request: HistoryRequest) -> list[HistoryEvent]:
        try:
            message = mapping(decode(reply.body))
            if reply.status in _NOT_FOUND:
                return [RequestRejected(reply.status, text(message["message"])[:_LONGEST])]
            if denied := refusal(reply):
                return [denied]
            return self._read(call, message, request)
        except BAD_FRAME as error:
            return [refusal(reply) or unreadable(error)]

    def _read(
        self, call: Call, message: dict[str, Any], request: HistoryRequest
    ) -> list[HistoryEvent]:
        if text(message["base"]) != _BASE or exact(message.get("amount", 1)) != 1:
            raise ValueError("rates against something else than a dollar")
        events: list[HistoryEvent] = []
        for spelled, rates in mapping(message["rates"]).items():
            day, table = date.fromisoformat(spelled), {_BASE: 1, **mapping(rates)}
            if request.holds(day):
                events += [
                    self._candle(request.names[name], day, table, name)
                    for name in call.names
                    if all(code in table for code in currencies(name))
                ]
        return events

    def _candle(self, symbol: str, day: date, table: dict[str, Any], pair: str) -> DailyBar:
        price = cross_rate(table, pair)
        if price is None:
            raise ValueError("a rate that is null")
        return DailyBar(
            symbol=symbol,
            day=day,
            source=self.source.name,
            price_class=class_of_close(self.source),
            close=price,
        )


def _query(names: Iterable[str]) -> str:
    codes = {code for name in names for code in currencies(name)} - {_BASE}
    return urlencode({"base": _BASE, "symbols": ",".join(sorted(codes))}, safe=",")


def create(settings: FeedSettings) -> HistoryProvider:
    """The provider of these settings."""
    return FrankfurterHistory(settings.urls[HISTORY.address])
