"""Frankfurter's reference rates: a table in its first version, which also tells the days of a span,
and a list in its second.

https://frankfurter.dev/

The rates are those of now, told as if they were those of the last working day on
which they were published. Tricks: `weekend` tells the date of last Friday, `list` answers the
first version in the second's shape, `missing` leaves the first currency out. Past days are those
of UTC, told of the bank's working days; only the first version tells them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.venues.per_dollar import days_per_dollar, per_dollar
from omcrm.exchange.venues.text import encode
from omcrm.market.instrument import AssetClass
from omcrm.market.trading_day import is_trading_day

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

FRANKFURT = ZoneInfo("Europe/Berlin")
PUBLISHED = time(16)
FRIDAY = 4
# Which parameter chooses the currencies, by path.
PATHS: Mapping[str, str] = {"/v1/latest": "symbols", "/v2/rates": "quotes"}
SPAN = re.compile(r"/v1/(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")
_DIGITS = Context(prec=5)


def answer(exchange: "Exchange", request: Request) -> Answer:
    """Answer one call."""
    asked = dict(request.parameters)
    if span := SPAN.fullmatch(request.path):
        return _days(exchange, span[1], span[2], asked)
    if request.path not in PATHS:
        return _not_found()
    base = asked.get("base", "EUR")
    rates = _rates(exchange, base, asked.get(PATHS[request.path], ""))
    if not rates:
        return _not_found()
    day = _date(exchange)
    if request.path == "/v2/rates" or "list" in exchange.faults.tricks:
        return Answer(200, encode(_list(base, day, rates)))
    return Answer(200, encode({"amount": 1.0, "base": base, "date": str(day), "rates": rates}))


def _days(exchange: "Exchange", first: str, last: str, asked: Mapping[str, str]) -> Answer:
    base, chosen = asked.get("base", "EUR"), asked.get("symbols", "")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return _not_found()
    days = {
        str(day): _of_table(exchange, table, base, chosen)
        for day, table in days_per_dollar(exchange.source).items()
        if begin <= day <= min(end, _date(exchange)) and is_trading_day(AssetClass.FOREX, day)
    }
    if not any(days.values()):
        return _not_found()
    span = {"start_date": min(days), "end_date": max(days)}
    return Answer(200, encode({"amount": 1.0, "base": base, **span, "rates": days}))


def _rates(exchange: "Exchange", base: str, chosen: str) -> dict[str, Decimal]:
    return _of_table(exchange, per_dollar(exchange.source), base, chosen)


def _of_table(
    exchange: "Exchange", table: Mapping[str, Decimal], base: str, chosen: str
) -> dict[str, Decimal]:
    if base not in table:
        return {}
    codes = sorted(set(table) - {base})
    if chosen:
        codes = [code for code in codes if code in chosen.split(",")]
    if "missing" in exchange.faults.tricks:
        codes = codes[1:]
    return {code: _DIGITS.divide(table[code], table[base]) for code in codes}


def _list(base: str, day: date, rates: Mapping[str, Decimal]) -> list[dict[str, object]]:
    return [
        {"date": str(day), "base": base, "quote": code, "rate": rate}
        for code, rate in rates.items()
    ]


def _date(exchange: "Exchange") -> date:
    now = datetime.fromtimestamp(exchange.source.now() / 1000, UTC)
    return last_day(now, weekend="weekend" in exchange.faults.tricks)


def last_day(now: datetime, *, weekend: bool) -> date:
    """Give the last day whose rates are published at `now`; on weekends, the Friday before."""
    local = now.astimezone(FRANKFURT)
    day = local.date() if local.time() >= PUBLISHED else local.date() - timedelta(days=1)
    if weekend:
        day = local.date() - timedelta(days=1)
    while day.weekday() > FRIDAY or (weekend and day.weekday() != FRIDAY):
        day -= timedelta(days=1)
    return day


def _not_found() -> Answer:
    return Answer(404, encode({"message": "not found"}))
