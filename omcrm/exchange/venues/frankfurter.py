"""Frankfurter's reference rates: a table in its first version, a list in its second.

https://frankfurter.dev/

The rates are those of now, told as if they were those of the last working day on
which they were published. Tricks: `weekend` tells the date of last Friday, `list` answers the
first version in the second's shape, `missing` leaves the first currency out.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.venues.per_dollar import per_dollar
from omcrm.exchange.venues.text import encode

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

FRANKFURT = ZoneInfo("Europe/Berlin")
PUBLISHED = time(16)
FRIDAY = 4
# Which parameter chooses the currencies, by path.
PATHS: Mapping[str, str] = {"/v1/latest": "symbols", "/v2/rates": "quotes"}
_DIGITS = Context(prec=5)


def answer(exchange: "Exchange", request: Request) -> Answer:
    """Answer one call."""
    if request.path not in PATHS:
        return _not_found()
    asked = dict(request.parameters)
    base = asked.get("base", "EUR")
    rates = _rates(exchange, base, asked.get(PATHS[request.path], ""))
    if not rates:
        return _not_found()
    day = _date(exchange)
    if request.path == "/v2/rates" or "list" in exchange.faults.tricks:
        return Answer(200, encode(_list(base, day, rates)))
    return Answer(200, encode({"amount": 1.0, "base": base, "date": str(day), "rates": rates}))


def _rates(exchange: "Exchange", base: str, chosen: str) -> dict[str, Decimal]:
    table = per_dollar(exchange.source)
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
