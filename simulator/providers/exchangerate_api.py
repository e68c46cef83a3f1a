"""ExchangeRate-API's tables: with a key below `/v6`, without one below `/open/v6`.

https://www.exchangerate-api.com/docs/overview

A key is in a header or in the path; every key is accepted unless it begins with `bad`. The current
rates are sent as those of today's 00:00 UTC. Tricks: `quota` refuses because the month's calls are
used up, `inactive` because the account is inactive; `eol` announces that the open endpoint ends in
`amount` days; `limited` allows `amount` more calls of the open endpoint until the faults are
cleared.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from simulator.http import HttpAnswer, HttpRequest
from simulator.protocol import ProviderProtocol, SourceEndpoint
from simulator.providers.per_dollar import per_dollar
from simulator.providers.text import encode

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

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


def answer(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    """Answer one call."""
    match request.path.split("/")[1:]:
        case ["open", "v6", "latest", code]:
            return _open(server, code)
        case ["v6", "latest", code]:
            kind, _, key = request.headers.get("authorization", "").partition(" ")
            return _with_key(server, key if kind == "Bearer" else "", code)
        case ["v6", key, "latest", code]:
            return _with_key(server, key, code)
    return _error("malformed-request")


def _with_key(server: "ProviderServer", key: str, code: str) -> HttpAnswer:
    if not key or key.startswith("bad"):
        return _error("invalid-key")
    if "inactive" in server.faults.tricks:
        return _error("inactive-account")
    if "quota" in server.faults.tricks:
        return _error("quota-reached")
    return _table(server, code, "conversion_rates", {})


def _open(server: "ProviderServer", code: str) -> HttpAnswer:
    tricks = server.faults.tricks
    if "limited" in tricks:
        if tricks["limited"] < 1:
            return HttpAnswer(429, b"<h1>Too Many Requests</h1>", content_type="text/html")
        tricks["limited"] -= 1
    end = _today(server) + round(tricks["eol"] * DAY) if "eol" in tricks else 0
    return _table(
        server,
        code,
        "rates",
        {"provider": "https://www.exchangerate-api.com", "time_eol_unix": end},
    )


def _table(server: "ProviderServer", code: str, name: str, more: dict[str, Any]) -> HttpAnswer:
    table, today = per_dollar(server.source), _today(server)
    if code not in table:
        return _error("unsupported-code")
    fields = {
        "result": "success",
        "documentation": DOCUMENTATION,
        "terms_of_use": TERMS,
        **_times("last", today),
        **_times("next", today + DAY),
        **more,
        "base_code": code,
        name: {item: round(rate / table[code], 4) for item, rate in table.items()},
    }
    return HttpAnswer(200, encode(fields))


def _times(which: str, seconds: int) -> dict[str, Any]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return {
        f"time_{which}_update_unix": seconds,
        f"time_{which}_update_utc": format_datetime(moment),
    }


def _today(server: "ProviderServer") -> int:
    """Return the time of today's table, just after midnight, in seconds."""
    return server.dated(server.source.now()) // 1000 // DAY * DAY + 1


def _error(kind: str) -> HttpAnswer:
    fields = {
        "result": "error",
        "documentation": DOCUMENTATION,
        "terms-of-use": TERMS,
        "error-type": kind,
    }
    return HttpAnswer(STATUS[kind], encode(fields))


TIME_KEYS = tuple(
    f"time_{which}_update_{how}" for which in ("last", "next") for how in ("unix", "utc")
)

VENUE = ProviderProtocol(
    answer=answer,
    endpoints={
        source: SourceEndpoint("exchangerate_api", over_http=True, time_keys=TIME_KEYS)
        for source in ("exchangerate_api", "exchangerate_open")
    },
)
