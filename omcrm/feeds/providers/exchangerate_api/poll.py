"""ExchangeRate-API over HTTP: one table of all currencies a day, with a key or without.

https://www.exchangerate-api.com/docs/standard-requests and, without a key,
https://www.exchangerate-api.com/docs/free
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.http_refusal import refusal, retry_after
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    BAD_FRAME,
    AccessDenied,
    Budget,
    Call,
    Event,
    FrameContext,
    PollLimits,
    PollProvider,
    Reply,
    RequestRejected,
    batches,
    decode,
    unreadable,
)
from omcrm.feeds.providers.exchangerate_api import KEY, POLL
from omcrm.market.currency import cross_rate
from omcrm.market.parsing import from_seconds, integer, mapping, text
from omcrm.market.tick import Tick, Trade

# A rate that the open endpoint documents as never limited.
_WITHOUT_KEY = structs.replace(POLL.limits, budgets=(Budget(1, "hour"),))
# How long the open endpoint blocks an address after too many calls.
_SHUT_OUT = 1200.0
_STATUS = {"quota-reached": 429, "invalid-key": 401, "inactive-account": 403}
_LONGEST = 200


class ExchangeRateApi:
    """Names are pairs like `EURUSD`; `base` is the address with a key, `open_base` without one.

    `open_base` is empty where it must not be called without a key.
    """

    source = POLL.source

    def __init__(self, base: str, open_base: str, keys: Keys) -> None:
        self._base = base
        self._open_base = open_base
        self._keys = keys

    @property
    def limits(self) -> PollLimits:
        return POLL.limits if self._keys.get(KEY.env) else _WITHOUT_KEY

    def missing(self) -> str | None:
        return None if self._open_base or self._keys.get(KEY.env) else KEY.env

    def api_key(self) -> str:
        return self._keys.get(KEY.env)

    def calls(self, names: Sequence[str]) -> list[Call]:
        key = self._keys.get(KEY.env)
        base = self._base if key else self._open_base
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Every cross rate is computed from the dollar table: one call is enough for all bases.
        return [
            Call(f"{base}/v6/latest/USD", batch, headers)
            for batch in batches(names, POLL.limits.batch)
        ]

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        try:
            message = mapping(decode(reply.body))
            if text(message["result"]) != "success":
                return [_refused(call, message, reply)]
            return self._read(message, arrival)
        except BAD_FRAME as error:
            # After too many calls the answer may be an HTML page: then only the status shows it.
            return [_refused_by_status(call, reply) or unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        # The table's field with a key, and without.
        field = "conversion_rates" if "conversion_rates" in message else "rates"
        table = mapping(message[field])
        time = from_seconds(message["time_last_update_unix"])
        events: list[Event] = []
        for name, symbol in arrival.names.items():
            price = cross_rate(table, name)
            if price is not None:
                trade = Trade(price, time=time)
                at, connection = arrival.received_at, arrival.connection
                events.append(Tick(symbol, self.source, at, connection, trade=trade))
        if end := integer(message.get("time_eol_unix", 0)):
            words = f"the endpoint will be shut down on {from_seconds(end):%Y-%m-%d}"
            events.append(RequestRejected(410, words))
        return events


def _refused(call: Call, message: dict[str, Any], reply: Reply) -> RequestRejected | AccessDenied:
    kind = text(message["error-type"])
    words = kind[:_LONGEST]
    # An undocumented kind may still come with the status of a limit.
    status = _STATUS.get(kind) or (429 if reply.status == 429 else None)
    if status is None:
        return RequestRejected(max(reply.status, 400), words)
    return AccessDenied(status, words, _wait(call, reply) if status == 429 else None)


def _refused_by_status(call: Call, reply: Reply) -> AccessDenied | None:
    refused = refusal(reply)
    if refused is not None and refused.status == 429:
        return AccessDenied(429, refused.message, _wait(call, reply))
    return refused


def _wait(call: Call, reply: Reply) -> float | None:
    """The seconds to wait after a limit: `Retry-After`, or what is known of the open endpoint."""
    seconds = retry_after(reply)
    return _SHUT_OUT if seconds is None and not call.headers else seconds


def create(settings: FeedSettings) -> PollProvider:
    """The provider of these settings."""
    return ExchangeRateApi(
        settings.urls[POLL.source.name], settings.urls.get("exchangerate_open", ""), settings.keys
    )
