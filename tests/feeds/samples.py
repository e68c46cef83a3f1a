"""What providers are tried with, and the samples of each: `providers/<name>/samples.py`.

The requested days are the 4th and 5th of January 2026; replies may hold more or fewer days.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from importlib import import_module

import msgspec
from msgspec import Struct

from omcrm.feeds.history_provider import HistoryRequest
from omcrm.feeds.provider import Reply

FIRST, LAST = date(2026, 1, 4), date(2026, 1, 5)
NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
BEGIN = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp())
DAY, PART = 86_400, 14_400


class StreamSamples(Struct, frozen=True):
    """Frames of a stream; `name` is its name of the symbol in them, which is BTC for us."""

    name: str
    frames: tuple[str, ...]


class PollSamples(Struct, frozen=True, kw_only=True):
    """Replies of a polled source that bring a price of BTC, or none and are no errors, and refusals
    with the status that each is mapped to."""

    name: str
    prices: tuple[Reply, ...]
    nothing: tuple[Reply, ...]
    refusals: tuple[tuple[Reply, int], ...]


class HistorySamples(Struct, frozen=True, kw_only=True):
    """Replies with both requested days and others, with none, refusals, and the reply to a symbol
    that is not known."""

    name: str
    days: Reply
    nothing: tuple[Reply, ...]
    refusals: tuple[tuple[Reply, int], ...]
    unknown: Reply


def stream_samples(provider: str) -> StreamSamples:
    samples: StreamSamples = import_module(f"tests.feeds.providers.{provider}.samples").STREAM
    return samples


def poll_samples(provider: str) -> PollSamples:
    samples: PollSamples = import_module(f"tests.feeds.providers.{provider}.samples").POLL
    return samples


def history_samples(provider: str) -> HistorySamples:
    samples: HistorySamples = import_module(f"tests.feeds.providers.{provider}.samples").HISTORY
    return samples


def history_request(name: str) -> HistoryRequest:
    """The request to a source, with its name of our BTC."""
    return HistoryRequest({name: "BTC"}, FIRST, LAST, NOW)


def text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def texts(messages: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(text, messages))


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    """An answer of JSON, or of plain text."""
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Reply(status, {"content-type": "application/json", **headers}, encoded)
