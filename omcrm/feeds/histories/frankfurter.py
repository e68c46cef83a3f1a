"""Frankfurter's time series: the European Central Bank's reference rate of each working day.

https://frankfurter.dev/v1/
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from omcrm.feeds.history_provider import HistoryEvent, HistoryRequest
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.parsing import BAD_FRAME, decode, mapping, text, unreadable
from omcrm.feeds.provider import Call, Keyless, Reply, RequestRejected, batches
from omcrm.feeds.providers.frankfurter import SOURCE, Frankfurter
from omcrm.market.cross_rate import cross_rate, currencies
from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.number import exact

_BASE = "USD"
_NOT_FOUND = (404, 422)
_LONGEST = 200
_REACH = 3650


class FrankfurterHistory(Keyless):
    """Names are pairs like `EURUSD`; one rate a day is no open, high, low or volume."""

    source = SOURCE
    limits = Frankfurter.limits
    reach = _REACH

    def __init__(self, base: str) -> None:
        self._base = base

    def calls(self, past: HistoryRequest) -> list[Call]:
        return [
            Call(f"{self._base}/v1/{past.first}..{past.last}?{_query(batch)}", batch)
            for batch in batches(list(past.names), self.limits.batch)
        ]

    def parse(self, call: Call, reply: Reply, past: HistoryRequest) -> list[HistoryEvent]:
        try:
            message = mapping(decode(reply.body))
            if reply.status in _NOT_FOUND:
                return [RequestRejected(reply.status, text(message["message"])[:_LONGEST])]
            if expelled := refusal(reply):
                return [expelled]
            return self._read(call, message, past)
        except BAD_FRAME as error:
            return [refusal(reply) or unreadable(error)]

    def _read(
        self, call: Call, message: dict[str, Any], past: HistoryRequest
    ) -> list[HistoryEvent]:
        if text(message["base"]) != _BASE or exact(message.get("amount", 1)) != 1:
            raise ValueError("rates against something else than a dollar")
        told: list[HistoryEvent] = []
        for spelled, rates in mapping(message["rates"]).items():
            day, table = date.fromisoformat(spelled), {_BASE: 1, **mapping(rates)}
            if past.holds(day):
                told += [
                    self._candle(past.names[name], day, table, name)
                    for name in call.names
                    if all(code in table for code in currencies(name))
                ]
        return told

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
