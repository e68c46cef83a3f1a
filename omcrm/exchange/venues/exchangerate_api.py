"""ExchangeRate-API's tables: for who has a key below `/v6`, for everybody below `/open/v6`.

https://www.exchangerate-api.com/docs/overview

A key comes in a header or in the path; any is good but one that begins with `bad`.
The rates are those of now, told as if they were those of today's 00:00 UTC. Tricks: `quota` says
that the month's calls are used up, `inactive` that the account sleeps; `eol` announces that the
open endpoint ends in `amount` days; `limited` allows `amount` more calls of the open endpoint, and
no hour is over before the faults are cleared.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.venues.per_dollar import per_dollar
from omcrm.exchange.venues.text import encode

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

DAY = 24 * 60 * 60
DOCUMENTATION = "https://www.exchangerate-api.com/docs"
TERMS = "https://www.exchangerate-api.com/terms"
STATUS: Mapping[str, int] = {
    "invalid-key": 403,
    "inactive-account": 403,
    "quota-reached": 429,
    "unsupported-code": 404,
    "malformed-request": 400,
}


def answer(exchange: "Exchange", request: Request) -> Answer:
    """Answer one call."""
    match request.path.split("/")[1:]:
        case ["open", "v6", "latest", code]:
            return _open(exchange, code)
        case ["v6", "latest", code]:
            kind, _, key = request.headers.get("authorization", "").partition(" ")
            return _with_key(exchange, key if kind == "Bearer" else "", code)
        case ["v6", key, "latest", code]:
            return _with_key(exchange, key, code)
    return _error("malformed-request")


def _with_key(exchange: "Exchange", key: str, code: str) -> Answer:
    if not key or key.startswith("bad"):
        return _error("invalid-key")
    if "inactive" in exchange.faults.tricks:
        return _error("inactive-account")
    if "quota" in exchange.faults.tricks:
        return _error("quota-reached")
    return _table(exchange, code, "conversion_rates", {})


def _open(exchange: "Exchange", code: str) -> Answer:
    tricks = exchange.faults.tricks
    if "limited" in tricks:
        if tricks["limited"] < 1:
            return Answer(429, b"<h1>Too Many Requests</h1>", content_type="text/html")
        tricks["limited"] -= 1
    end = _today(exchange) + round(tricks["eol"] * DAY) if "eol" in tricks else 0
    return _table(
        exchange,
        code,
        "rates",
        {"provider": "https://www.exchangerate-api.com", "time_eol_unix": end},
    )


def _table(exchange: "Exchange", code: str, name: str, more: dict[str, Any]) -> Answer:
    table, today = per_dollar(exchange.source), _today(exchange)
    if code not in table:
        return _error("unsupported-code")
    told = {
        "result": "success",
        "documentation": DOCUMENTATION,
        "terms_of_use": TERMS,
        **_times("last", today),
        **_times("next", today + DAY),
        **more,
        "base_code": code,
        name: {item: round(rate / table[code], 4) for item, rate in table.items()},
    }
    return Answer(200, encode(told))


def _times(which: str, seconds: int) -> dict[str, Any]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return {
        f"time_{which}_update_unix": seconds,
        f"time_{which}_update_utc": format_datetime(moment),
    }


def _today(exchange: "Exchange") -> int:
    """Give when today's table was made, just after midnight, in seconds."""
    return exchange.source.now() // 1000 // DAY * DAY + 1


def _error(kind: str) -> Answer:
    told = {
        "result": "error",
        "documentation": DOCUMENTATION,
        "terms-of-use": TERMS,
        "error-type": kind,
    }
    return Answer(STATUS[kind], encode(told))
