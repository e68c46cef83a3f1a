import inspect
from typing import Any

from simulator.protocol import PlainDialect, ProviderDialect
from simulator.providers import BINANCE, PROVIDERS
from simulator.stream_message import StreamMessage


class Silent:
    """A line that fails when it is used."""

    number = 1


def asked_of(kind: type) -> set[str]:
    """The public names of a class."""
    return {name for name, _ in inspect.getmembers(kind) if name[0] != "_"}


def test_a_plain_dialect_does_nothing() -> None:
    """It sends nothing, ignores messages and has no limit."""
    server: Any = object()
    line: Any = Silent()
    dialect = PlainDialect(server, line)
    for done in (dialect.opened(), dialect.received(b"\xff"), dialect.second(), dialect.ended()):
        assert done is None

    assert [] == list(dialect.frames_for(StreamMessage("btcusdt@trade", b"{}")))
    assert (None, None, {}) == (dialect.closing_soon(), dialect.frames_a_second, dialect.status())
    assert (server, line) == (dialect.server, dialect.line)


def test_a_plain_dialect_is_complete() -> None:
    """It has every method of a dialect."""
    assert asked_of(ProviderDialect) <= asked_of(PlainDialect) | {"frames_a_second"}


def test_every_provider_has_one_of_both() -> None:
    """Binance included."""
    assert BINANCE in PROVIDERS
    assert all(venue.open_socket or venue.answer for venue in PROVIDERS.values())
    assert all(name.isidentifier() and name.islower() for name in PROVIDERS)
