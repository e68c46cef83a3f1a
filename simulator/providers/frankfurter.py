"""Frankfurter's reference rates: tables in its first version, of one day or of a span of days, and
a list in its second.

https://frankfurter.dev/

The current rates are sent as those of the last working day on which they were published. Tricks:
`weekend` sends the date of last Friday, `list` answers the first version in the second's form,
`missing` leaves the first currency out. Past days are those of UTC, on the bank's working days;
only the first version has them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from omcrm.market.session import Calendar
from omcrm.market.trading_day import is_trading_day
from simulator.http import HttpAnswer, HttpRequest
from simulator.protocol import ProviderProtocol, SourceEndpoint
from simulator.providers.per_dollar import days_per_dollar, per_dollar
from simulator.providers.text import encode

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

FRANKFURT = ZoneInfo("Europe/Berlin")
PUBLISHED = time(16)
FRIDAY = 4
# The parameter that selects the currencies, by path.
PATHS: Mapping[str, str] = {"/v1/latest": "symbols", "/v2/rates": "quotes"}
SPAN = re.compile(r"/v1/(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")
_DIGITS = Context(prec=5)


def answer(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    """Answer one call."""
    asked = dict(request.parameters)
    if span := SPAN.fullmatch(request.path):
        return _days(server, span[1], span[2], asked)
    if request.path not in PATHS:
        return _not_found()
    base = asked.get("base", "EUR")
    rates = _rates(server, base, asked.get(PATHS[request.path], ""))
    if not rates:
        return _not_found()
    day = _date(server)
    if request.path == "/v2/rates" or "list" in server.faults.tricks:
        return HttpAnswer(200, encode(_list(base, day, rates)))
    return HttpAnswer(200, encode({"amount": 1.0, "base": base, "date": str(day), "rates": rates}))


def _days(server: "ProviderServer", first: str, last: str, asked: Mapping[str, str]) -> HttpAnswer:
    base, chosen = asked.get("base", "EUR"), asked.get("symbols", "")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return _not_found()
    days = {
        str(day): _of_table(server, table, base, chosen)
        for day, table in days_per_dollar(server.source).items()
        if begin <= day <= min(end, _date(server)) and is_trading_day(Calendar.FOREX, day)
    }
    if not any(days.values()):
        return _not_found()
    span = {"start_date": min(days), "end_date": max(days)}
    return HttpAnswer(200, encode({"amount": 1.0, "base": base, **span, "rates": days}))


def _rates(server: "ProviderServer", base: str, chosen: str) -> dict[str, Decimal]:
    return _of_table(server, per_dollar(server.source), base, chosen)


def _of_table(
    server: "ProviderServer", table: Mapping[str, Decimal], base: str, chosen: str
) -> dict[str, Decimal]:
    if base not in table:
        return {}
    codes = sorted(set(table) - {base})
    if chosen:
        codes = [code for code in codes if code in chosen.split(",")]
    if "missing" in server.faults.tricks:
        codes = codes[1:]
    return {code: _DIGITS.divide(table[code], table[base]) for code in codes}


def _list(base: str, day: date, rates: Mapping[str, Decimal]) -> list[dict[str, object]]:
    return [
        {"date": str(day), "base": base, "quote": code, "rate": rate}
        for code, rate in rates.items()
    ]


def _date(server: "ProviderServer") -> date:
    now = datetime.fromtimestamp(server.dated(server.source.now()) / 1000, UTC)
    return last_day(now, weekend="weekend" in server.faults.tricks)


def last_day(now: datetime, *, weekend: bool) -> date:
    """Return the last day whose rates are published at `now`; with `weekend`, the Friday before."""
    local = now.astimezone(FRANKFURT)
    day = local.date() if local.time() >= PUBLISHED else local.date() - timedelta(days=1)
    if weekend:
        day = local.date() - timedelta(days=1)
    while day.weekday() > FRIDAY or (weekend and day.weekday() != FRIDAY):
        day -= timedelta(days=1)
    return day


def _not_found() -> HttpAnswer:
    return HttpAnswer(404, encode({"message": "not found"}))


VENUE = ProviderProtocol(
    answer=answer,
    endpoints={"frankfurter": SourceEndpoint("frankfurter", over_http=True, time_keys=("date",))},
)
